//! Every route of the API with every kind of token.

use std::collections::BTreeSet;

use super::*;

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Nothing.
    Open,
    /// Some token.
    Any,
    /// A token with this scope, or `admin`.
    Scope(&'static str),
}

use Need::{Any, Open, Scope};

const SUBMIT: Need = Scope("submit");
const WORK: Need = Scope("work");
const ADMIN: Need = Scope("admin");

/// Every operation of `/openapi.json`, what it needs, and a body that it takes. A new route needs a line here.
const ROUTES: [(&str, &str, Need, &str); 37] = [
    ("get", "/api/analytics", Any, ""),
    ("get", "/api/deliveries/{id}", SUBMIT, ""),
    ("get", "/api/directives", Any, ""),
    ("post", "/api/directives", SUBMIT, r#"{"directive": "x"}"#),
    ("get", "/api/directives/{id}", Any, ""),
    ("post", "/api/directives/{id}/cancel", SUBMIT, ""),
    ("post", "/api/directives/{id}/extend", WORK, r#"{"lease_token": "x"}"#),
    ("post", "/api/directives/{id}/priority", SUBMIT, r#"{"priority": "low"}"#),
    ("post", "/api/directives/{id}/release", WORK, r#"{"lease_token": "x"}"#),
    ("post", "/api/directives/{id}/retry", SUBMIT, ""),
    ("get", "/api/directives/{id}/transcript", Any, ""),
    ("post", "/api/directives/{id}/transcript", WORK, r#"{"lease_token": "x", "offset": 0, "text": "x"}"#),
    ("post", "/api/directives/next", WORK, ""),
    ("get", "/api/events", Any, ""),
    ("get", "/api/queue", Any, ""),
    ("get", "/api/results", Any, ""),
    ("get", "/api/tokens", ADMIN, ""),
    ("post", "/api/tokens", ADMIN, r#"{"principal": "x", "scopes": ["read"]}"#),
    ("delete", "/api/tokens/{id}", ADMIN, ""),
    ("post", "/api/webhook", SUBMIT, r#"{"webhook_url": "https://hooks.example/a"}"#),
    ("get", "/api/webhooks", SUBMIT, ""),
    ("post", "/api/webhooks", SUBMIT, r#"{"url": "https://hooks.example/b"}"#),
    ("get", "/api/webhooks/signer", SUBMIT, ""),
    ("get", "/api/webhooks/{id}", SUBMIT, ""),
    ("patch", "/api/webhooks/{id}", SUBMIT, r#"{"enabled": false}"#),
    ("delete", "/api/webhooks/{id}", SUBMIT, ""),
    ("get", "/api/webhooks/{id}/deliveries", SUBMIT, ""),
    ("post", "/api/webhooks/{id}/replay", SUBMIT, ""),
    ("post", "/api/webhooks/{id}/rotate", SUBMIT, ""),
    ("post", "/api/webhooks/{id}/test", SUBMIT, ""),
    ("get", "/health", Open, ""),
    ("get", "/mcp/analytics", Any, ""),
    ("post", "/mcp/get_next_directive", WORK, ""),
    ("post", "/mcp/start_monitoring", WORK, ""),
    ("post", "/mcp/stop_monitoring", WORK, ""),
    ("get", "/metrics", Any, ""),
    ("get", "/openapi.json", Open, ""),
];
/// The same, for what stands apart because it tells nothing.
const ALSO_OPEN: [&str; 1] = ["/readyz"];

/// Kinds of callers, by the scope that they have, if any counts.
const CALLERS: [(&str, Option<&str>); 8] = [
    ("none", None),
    ("unknown", None),
    ("revoked", None),
    ("expired", None),
    ("reader", Some("read")),
    ("alice", Some("submit")),
    ("worker", Some("work")),
    ("boss", Some("admin")),
];

#[tokio::test]
async fn every_route_lets_in_whom_it_should_and_nobody_else() {
    let mut gated = Gated::new().await;
    let admin = json!({"principal": "boss", "scopes": ["admin"]});
    let revoked = gated.make("revoked", &admin).await;
    let path = format!("/api/tokens/{revoked}");
    assert_eq!(gated.ask(Method::DELETE, &path, Some(gated.token("boss")), None).await.status, 200);
    let mut short = admin;
    short["expires_in_seconds"] = json!(0.001);
    gated.make("expired", &short).await;
    gated.tokens.insert("unknown".to_owned(), "baton_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned());

    let (_, documented) = gated.server.get("/openapi.json").await.unwrap();
    let documented: BTreeSet<(String, String)> = documented["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())))
        .filter(|(_, path)| !ALSO_OPEN.contains(&path.as_str()))
        .collect();
    let tabled: BTreeSet<_> =
        ROUTES.iter().map(|(method, path, ..)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(documented, tabled, "every route needs a line in ROUTES, and every line a route");

    let mut asked = 0;
    for (method, path, need, body) in ROUTES {
        for (caller, scope) in CALLERS {
            let token = gated.tokens.get(caller).map(String::as_str);
            let body = (!body.is_empty()).then(|| serde_json::from_str(body).unwrap());
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let shown = format!("{method} {path} by {caller}");
            // Only the head: a stream of events has no end.
            let response = gated.send(method, &path.replace("{id}", UNKNOWN), token, body.as_ref()).await;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let challenge = headers.get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
            let expected = match (need, scope) {
                (Open, _) => None,
                (_, None) => Some((401, "unauthenticated")),
                (Any, _) | (_, Some("admin")) => None,
                (Scope(needed), Some(held)) if needed == held => None,
                _ => Some((403, "insufficient_scope")),
            };
            match expected {
                None => assert!(status < 500 && status != 401 && status != 403, "{shown}: {status}"),
                Some((expected, code)) => {
                    let body: Value = response.json().await.unwrap();
                    assert_eq!((status, body["code"].as_str().unwrap()), (expected, code), "{shown}: {body}");
                    let challenge = challenge.unwrap_or_else(|| panic!("{shown}: no WWW-Authenticate"));
                    assert!(challenge.starts_with("Bearer realm=\"baton\""), "{shown}: {challenge}");
                    if let (403, Scope(needed)) = (status, need) {
                        assert!(challenge.contains(&format!("scope=\"{needed}\"")), "{shown}: {challenge}");
                        assert!(body["detail"].as_str().unwrap().contains(needed), "{shown}: {body}");
                    }
                }
            }
            asked += 1;
        }
    }
    println!("{} routes, {asked} requests", ROUTES.len());
}

#[tokio::test]
async fn what_tells_nothing_is_open() {
    let gated = Gated::new().await;
    for path in [
        "/health",
        "/readyz",
        "/openapi.json",
        "/docs/",
        "/docs/swagger-ui-bundle.js",
        "/assets/app.css",
        "/assets/app.js",
        "/assets/icon.svg",
    ] {
        assert_eq!(gated.ask(Method::GET, path, None, None).await.status, 200, "{path}");
    }
    let unknown = gated.ask(Method::GET, "/api/no-such-thing", None, None).await;
    assert_eq!(unknown.status, 404, "what is not there tells nothing");
}
