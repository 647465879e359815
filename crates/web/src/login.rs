//! Where a token is asked for, once the server wants one.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use baton_engine::{Engine, Error};
use baton_gate::COOKIE;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use maud::html;

use crate::{assets, page::framed};

/// How long a browser keeps the token, in seconds: 30 days. The token's own end comes first if it is earlier.
const KEPT: u32 = 30 * 24 * 3600;
/// Longest form, in bytes, and how long it may take: whoever sends it has not shown a token yet.
const FORM: usize = 4096;
const PATIENCE: Duration = Duration::from_secs(10);

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
                    p.hint #hint { "Make one where the server runs: " code { "baton token create me --scope admin" } }
                }
            }
        },
    )
}

pub(crate) async fn show() -> Response {
    login(None)
}

/// Takes the token that the form sends and gives it to the browser to keep, where no script can read it.
pub(crate) async fn enter(State(engine): State<Engine>, headers: HeaderMap, body: Body) -> Response {
    let form = match tokio::time::timeout(PATIENCE, to_bytes(body, FORM)).await {
        Ok(Ok(form)) => form,
        Ok(Err(_)) => return (StatusCode::PAYLOAD_TOO_LARGE, login(Some("this is no token"))).into_response(),
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, login(Some("the form did not come"))).into_response(),
    };
    let token = form_urlencoded::parse(&form).find(|(name, _)| name == "token").map(|(_, token)| token.into_owned());
    let token = token.unwrap_or_default().trim().to_owned();
    let sound = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let known = match sound {
        true => engine.authenticate(Some(&token)).await,
        false => Err(Error::Unauthenticated("this is no token; one looks like baton_…")),
    };
    match known {
        Ok(_) => (cookie(&headers, &token, KEPT), Redirect::to("/")).into_response(),
        Err(error @ Error::Unauthenticated(_)) => {
            (StatusCode::UNAUTHORIZED, login(Some(&error.to_string()))).into_response()
        }
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, login(Some(&error.to_string()))).into_response(),
    }
}

/// Lets the browser forget the token. It stays valid: `baton token revoke` ends it.
pub(crate) async fn leave(headers: HeaderMap) -> Response {
    (cookie(&headers, "", 0), Redirect::to("/login")).into_response()
}

/// The cookie (RFC 6265bis): for this site's own pages alone, out of reach of scripts, over TLS only where the page
/// came over TLS.
fn cookie(headers: &HeaderMap, token: &str, seconds: u32) -> HeaderMap {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let secure = if origin.starts_with("https://") { "; Secure" } else { "" };
    let text = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    HeaderValue::try_from(text).map(|value| HeaderMap::from_iter([(header::SET_COOKIE, value)])).unwrap_or_default()
}
