//! The caller as an extractor: a handler that acts for somebody has to name one, so none can forget to ask for a token.

use axum::{
    extract::{FromRef, FromRequestParts, Request, State},
    middleware::Next,
    response::Response,
};
use baton_engine::{Engine, Principal};
use http::{HeaderMap, Method, StatusCode, header, request::Parts};

use crate::Problem;

/// The cookie in which a browser that logged in keeps its token.
pub const COOKIE: &str = "baton_token";

/// Who calls: the principal of the token that came as `Authorization: Bearer …` (RFC 6750 §2.1) or in the cookie of a
/// browser that logged in; without one, the operator, where no token is needed.
#[derive(Clone, Debug)]
pub struct Caller(pub Principal);

impl<S> FromRequestParts<S> for Caller
where
    Engine: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let shown = credentials(&parts.method, &parts.headers)?;
        Ok(Caller(Engine::from_ref(state).authenticate(shown).await?))
    }
}

/// A layer for doors whose handlers cannot take extractors: lets nobody in whom [`Caller`] would not, and leaves it
/// among the request's extensions.
///
/// # Errors
/// As [`Caller`].
pub async fn identify(State(engine): State<Engine>, mut request: Request, next: Next) -> Result<Response, Problem> {
    let shown = credentials(request.method(), request.headers())?;
    let caller = Caller(engine.authenticate(shown).await?);
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// The token that was shown.
fn credentials<'a>(method: &Method, headers: &'a HeaderMap) -> Result<Option<&'a str>, Problem> {
    let unreadable = |detail: &str| Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail);
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    match (given.next(), given.next()) {
        (None, _) => {}
        (Some(given), None) => {
            let bearer = given.to_str().ok().and_then(|given| given.split_once(' '));
            let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
            let token = bearer.map(|(_, token)| token.trim()).filter(|token| !token.is_empty());
            return token.map(Some).ok_or_else(|| unreadable("write the header as `Authorization: Bearer baton_…`"));
        }
        _ => return Err(unreadable("exactly one `Authorization` header is read")),
    }
    let Some(token) = cookie(headers) else { return Ok(None) };
    // A cookie comes along whoever made the browser send it: what changes something must come from our own pages. The
    // guard has let in only origins that are ours.
    let from_our_page =
        headers.contains_key(header::ORIGIN) || headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
    if method.is_safe() || from_our_page {
        return Ok(Some(token));
    }
    let detail = "a request that changes something and shows its token as a cookie needs an `Origin` header";
    Err(Problem::new(StatusCode::FORBIDDEN, "origin_required", detail))
}

/// The token in the cookie (RFC 6265 §4.2).
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = pairs.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, value)| *name == COOKIE && !value.is_empty()).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn shown(method: &Method, given: &[(&'static str, &str)]) -> Result<Option<String>, u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        credentials(method, &headers).map(|token| token.map(str::to_owned)).map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn a_token_comes_as_bearer_or_as_a_cookie_of_our_own_pages() {
        let token = |text: &str| Ok(Some(text.to_owned()));
        for (method, given, expected) in [
            (Method::GET, vec![], Ok(None)),
            (Method::GET, vec![("authorization", "Bearer a")], token("a")),
            (Method::POST, vec![("authorization", "bearer  a ")], token("a")),
            (Method::GET, vec![("authorization", "Basic a")], Err(401)),
            (Method::GET, vec![("authorization", "Bearer ")], Err(401)),
            (Method::GET, vec![("authorization", "Bearer a"), ("authorization", "Bearer b")], Err(401)),
            (Method::GET, vec![("cookie", "x=1; baton_token=a")], token("a")),
            (Method::GET, vec![("cookie", "baton_token=")], Ok(None)),
            (Method::POST, vec![("cookie", "baton_token=a")], Err(403)),
            (Method::POST, vec![("cookie", "baton_token=a"), ("origin", "http://127.0.0.1:8000")], token("a")),
            (Method::POST, vec![("cookie", "baton_token=a"), ("sec-fetch-site", "same-origin")], token("a")),
            (Method::POST, vec![("cookie", "baton_token=a"), ("sec-fetch-site", "cross-site")], Err(403)),
            (Method::POST, vec![("authorization", "Bearer b"), ("cookie", "baton_token=a")], token("b")),
        ] {
            assert_eq!(shown(&method, &given), expected, "{method} {given:?}");
        }
    }
}
