//! What all pages share: the frame, the headers that keep foreign code out, and texts made visible.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use maud::{DOCTYPE, Markup, html};

/// Nothing but our own files, and nobody else's frame around them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Puts the frame around the main part of a page.
pub(crate) fn page(title: &str, main: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Baton" }
                link rel="stylesheet" href="/assets/app.css";
                link rel="icon" type="image/svg+xml" href="/assets/icon.svg";
                script src="/assets/app.js" defer {}
                noscript { meta http-equiv="refresh" content="5"; }
            }
            body {
                header {
                    a.name href="/" { img src="/assets/icon.svg" alt="" width="24" height="24"; "Baton" }
                    nav aria-label="Main" {
                        a href="/docs/" { "API" }
                        a href="/metrics" { "Metrics" }
                        a href="/health" { "Health" }
                    }
                }
                main { (main) }
                p #stale role="status" hidden { "The server does not answer. What you see may be out of date." }
            }
        }
    };
    let headers = [(CONTENT_SECURITY_POLICY, POLICY), (REFERRER_POLICY, "no-referrer"), (CACHE_CONTROL, "no-store")];
    (headers, page).into_response()
}

/// A text from outside: characters that hide or turn others around are shown as their code, and only the first
/// `length` are shown at all.
pub(crate) fn visible(text: &str, length: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(length + 8));
    for character in baton_model::bounds::shorten(text, length).chars() {
        match character {
            '\n' | '\t' => shown.push(character),
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {
                shown.extend(character.escape_unicode());
            }
            _ if character.is_control() => shown.extend(character.escape_unicode()),
            _ => shown.push(character),
        }
    }
    shown
}

/// A moment, to the second.
pub(crate) fn moment(iso: &str) -> Markup {
    let (day, time) = (iso.get(..10).unwrap_or(iso), iso.get(11..19).unwrap_or_default());
    html! { time datetime=(iso) title=(iso) { (day) " " (time) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_hide_anything() {
        assert_eq!(visible("a\u{202e}b\u{200b}c\u{1b}[31m\nd", 100), "a\\u{202e}b\\u{200b}c\\u{1b}[31m\nd");
        assert_eq!(visible("grüße", 3), "grü…");
        assert_eq!(html! { (visible("<script>", 20)) }.into_string(), "&lt;script&gt;");
    }
}
