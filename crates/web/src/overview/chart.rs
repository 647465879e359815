//! Results by the minute as bars, for eyes, and as a table, for ears.

use baton_engine::queue::Minute;
use maud::{Markup, html};

/// Minutes that are drawn, the one that runs included.
const MINUTES: i64 = 61;
/// Size of the drawing in its own units; the page stretches it.
const WIDTH: i64 = MINUTES * 10;
const HEIGHT: i64 = 100;

/// The results of the last hour.
pub(super) fn chart(minutes: &[Minute]) -> Markup {
    let (succeeded, failed) = minutes.iter().fold((0, 0), |(good, bad), m| (good + m.succeeded, bad + m.failed));
    let most = minutes.iter().map(|minute| minute.succeeded + minute.failed).max().unwrap_or(0);
    let top = round_up(most);
    html! {
        div #chart.card.chart {
            p.legend #chart-said {
                @if most == 0 { "No result in the last hour." } @else {
                    span.key.good { (succeeded) " succeeded" } " " span.key.bad { (failed) " failed" }
                    " " span.soft { "at most " (most) " in a minute" }
                }
            }
            div.plot {
                span.most aria-hidden="true" { @if most > 0 { (top) } }
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                    aria-labelledby="chart-said" {
                    line.grid x1="0" x2=(WIDTH) y1="0.5" y2="0.5" {}
                    line.grid x1="0" x2=(WIDTH) y1="50" y2="50" {}
                    line.axis x1="0" x2=(WIDTH) y1="99.5" y2="99.5" {}
                    @for minute in minutes.iter().filter(|minute| minute.ago < MINUTES) { (bar(minute, top)) }
                }
                span.from aria-hidden="true" { "1 h ago" }
                span.to aria-hidden="true" { "now" }
            }
            details #chart-table hidden[most == 0] {
                summary { "As a table" }
                div.scroll tabindex="0" role="region" aria-label="Results by the minute" {
                    table {
                        thead { tr { @for name in ["Minute (UTC)", "Succeeded", "Failed"] { th scope="col" { (name) } } } }
                        tbody { @for minute in minutes.iter().rev() {
                            tr { th scope="row" { (clock(minute)) } td { (minute.succeeded) } td { (minute.failed) } }
                        } }
                    }
                }
            }
        }
    }
}

fn bar(minute: &Minute, top: i64) -> Markup {
    let x = (MINUTES - 1 - minute.ago) * 10 + 1;
    // Failures stand on top and are never too thin to be seen.
    let height = |count: i64| if count == 0 { 0.0 } else { (count as f64 * HEIGHT as f64 / top as f64).max(2.0) };
    let (good, bad) = (height(minute.succeeded), height(minute.failed));
    let base = HEIGHT as f64;
    let piece = |class: &str, top: f64, height: f64| {
        let (y, height) = (format!("{:.1}", top.max(0.0)), format!("{height:.1}"));
        html! { rect class=(class) x=(x) y=(y) width="8" height=(height) {} }
    };
    html! {
        g {
            title { (clock(minute)) " UTC: " (minute.succeeded) " succeeded, " (minute.failed) " failed" }
            rect.hit x=(x - 1) y="0" width="10" height=(HEIGHT) {}
            @if good > 0.0 { (piece("good", base - good, good)) }
            @if bad > 0.0 { (piece("bad", base - good - bad, bad)) }
        }
    }
}

fn clock(minute: &Minute) -> &str {
    minute.at.get(11..16).unwrap_or(&minute.at)
}

/// The next round number: 1, 2 or 5 with zeros; at least 4, so that one result is no tower.
fn round_up(most: i64) -> i64 {
    let mut unit = 1;
    loop {
        if let Some(round) = [unit, 2 * unit, 5 * unit].into_iter().find(|round| *round >= most.max(4)) {
            return round;
        }
        unit *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stay_inside_and_nothing_is_lost() {
        let minute =
            |ago, succeeded, failed| Minute { at: "2026-11-20T09:07:00.000+00:00".into(), ago, succeeded, failed };
        let drawn = chart(&[minute(60, 3, 0), minute(0, 7000, 1), minute(99, 1, 1)]).into_string();
        assert!(drawn.contains("09:07 UTC: 7000 succeeded, 1 failed"));
        assert_eq!(drawn.matches("<g>").count(), 2, "an hour is an hour");
        assert!(
            drawn.contains(r#"<rect class="hit" x="600" y="0""#) && drawn.contains(r#"<rect class="hit" x="0" y="0""#)
        );
        assert!(drawn.contains(r#"height="2.0""#), "one failure among thousands is seen");
        assert!(chart(&[]).into_string().contains("No result in the last hour."));
        assert_eq!([0, 4, 5, 6, 11, 200, 201].map(round_up), [5, 5, 5, 10, 20, 200, 500]);
    }
}
