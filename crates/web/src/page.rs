//! What all pages share: the frame, and the headers that keep foreign code out.

use axum::response::{IntoResponse, Response};
use baton_engine::Error;
use baton_gate::Problem;
use baton_model::event::KINDS;
use http::{
    HeaderMap, StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY},
};
use maud::{DOCTYPE, Markup, html};

use crate::{assets, text::visible};

/// Nothing but our own files, and nobody else's frame around them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The keys and what they do, for the help sheet; the script knows the same.
const KEYS: [(&str, &str); 13] = [
    ("n", "Add a directive"),
    ("/", "Search"),
    ("j k", "Next, previous row"),
    ("Enter", "Open the row"),
    ("r", "Do it again"),
    ("c", "Call it off"),
    ("p", "Pause or go on"),
    ("t", "Light, dark, as the system"),
    ("g h", "Go to the overview"),
    ("g d", "Go to all directives"),
    ("g a", "Go to the API"),
    ("?", "This sheet"),
    ("Esc", "Close"),
];

/// A page to be framed.
pub(crate) struct Page<'a> {
    /// Its name in the window's title.
    pub(crate) title: &'a str,
    /// Its place in the navigation, if it has one.
    pub(crate) at: &'a str,
    /// What is searched for.
    pub(crate) searched: &'a str,
    /// Where it hears what happens: a path with a query.
    pub(crate) events: &'a str,
    /// Its main part.
    pub(crate) main: Markup,
}

impl Default for Page<'_> {
    fn default() -> Self {
        Page { title: "Baton", at: "", searched: "", events: "/api/events", main: html! {} }
    }
}

impl IntoResponse for Page<'_> {
    fn into_response(self) -> Response {
        let link = |path: &str, name: &str| {
            let here = (self.at == path).then_some("page");
            html! { a href=(path) aria-current=[here] { (name) } }
        };
        framed(
            self.title,
            &html! {
                a.skip href="#main" { "Skip to the content" }
                header.top {
                    a.name href="/" { img src=(assets::url("icon.svg")) alt="" width="24" height="24"; "Baton" }
                    nav aria-label="Main" {
                        (link("/", "Overview"))
                        (link("/directives", "Directives"))
                        a href="/docs/" { "API" }
                    }
                    form.search role="search" action="/directives" {
                        input #search type="search" name="q" value=(self.searched) aria-keyshortcuts="/"
                            placeholder="Search text or id" aria-label="Search directives by text or id";
                    }
                    div.tools {
                        span #live role="status" data-state="off" data-events={ (KINDS.join(" ")) " gap" }
                            data-src=(self.events) {
                            "not live"
                        }
                        button #pause type="button" aria-pressed="false" aria-keyshortcuts="p" { "Pause" }
                        button #theme type="button" aria-keyshortcuts="t" { "Theme: system" }
                        button #keys type="button" aria-label="Keyboard shortcuts" aria-keyshortcuts="?" { "?" }
                    }
                }
                noscript { p.hint { "Without JavaScript these pages can be read, but they do not move: load them again "
                    "to see what is new, and use " code { "baton directive" } " in a terminal to add or change something." } }
                main #main tabindex="-1" { (self.main) }
                (dialogs())
                p #said role="status" {}
                p #news.sr role="status" {}
            },
        )
    }
}

/// The bare document around a body, with the headers of every page.
pub(crate) fn framed(title: &str, body: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Baton" }
                // Not deferred: it sets the theme before anything is painted.
                script src=(assets::url("theme.js")) {}
                link rel="stylesheet" href=(assets::url("app.css"));
                link rel="icon" type="image/svg+xml" href=(assets::url("icon.svg"));
                script type="module" src=(assets::url("app.js")) {}
            }
            body { (body) }
        }
    };
    let headers = [(CONTENT_SECURITY_POLICY, POLICY), (REFERRER_POLICY, "no-referrer"), (CACHE_CONTROL, "no-store")];
    (headers, page).into_response()
}

fn dialogs() -> Markup {
    html! {
        dialog #help aria-labelledby="help-title" {
            h2 #help-title { "Keyboard" }
            dl.keys { @for (keys, what) in KEYS {
                div { dt { @for key in keys.split(' ') { kbd { (key) } " " } } dd { (what) } }
            } }
            p { label { input #single type="checkbox" checked; " Use these keys" } }
            form method="dialog" { button { "Close" } }
        }
        dialog #confirm aria-labelledby="confirm-title" {
            h2 #confirm-title { "Call it off?" }
            p { "An agent that is at it will have its result refused." }
            blockquote #confirm-target {}
            form method="dialog" {
                button value="" { "Keep it" }
                button.danger value="yes" { "Call it off" }
            }
        }
    }
}

/// What went wrong, in the frame of the other pages.
pub(crate) fn sorry(error: Error) -> Response {
    let detail = error.to_string();
    refused(Problem::from(error).status(), &detail)
}

/// A refusal in the frame of the other pages.
pub(crate) fn refused(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Refused");
    let main = html! {
        section.sorry {
            h1 { (status.as_u16()) " " (title) }
            p { bdi { (visible(detail, 2000)) } }
            p { a href="/" { "Overview" } " · " a href="/directives" { "All directives" } }
        }
    };
    (status, Page { title, main, ..Page::default() }).into_response()
}

/// The host by which this server was called; the guard has let it in.
pub(crate) fn host(headers: &HeaderMap) -> &str {
    headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1:8000")
}
