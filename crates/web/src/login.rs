//! Where a token is asked for, once the server wants one.

use axum::response::Response;
use maud::html;

use crate::{assets, page::framed};

/// The page with the form that posts `token` to `/login`; `problem` says why the last one was not taken.
pub fn login(problem: Option<&str>) -> Response {
    framed(
        "Sign in",
        &html! {
            main.login {
                h1.name { img src=(assets::url("icon.svg")) alt="" width="32" height="32"; "Baton" }
                form method="post" action="/login" {
                    label for="token" { "Token" }
                    input #token type="password" name="token" required autofocus autocomplete="current-password"
                        spellcheck="false" placeholder="baton_…" aria-invalid=[problem.map(|_| "true")]
                        aria-describedby=(if problem.is_some() { "problem hint" } else { "hint" });
                    @if let Some(problem) = problem { p.wrong #problem role="alert" { (problem) } }
                    button.primary { "Sign in" }
                    p.hint #hint { "Make one where the server runs: " code { "baton token create --scope admin" } }
                }
            }
        },
    )
}

pub(crate) async fn show() -> Response {
    login(None)
}
