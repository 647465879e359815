//! The pages for people: from this server alone, under a policy that lets nothing else in.

use crate::api::Api;

#[tokio::test]
async fn the_pages_come_from_the_server_alone() {
    let mut api = Api::started().await;
    api.add("<script>alert(1)</script> & \u{202e}more").await;
    let page = api.get("/").await;
    let html = page.body.as_str().unwrap();
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; \\u{202e}more"), "{html}");
    assert!(html.contains(&format!("claude mcp add --transport http baton {}/mcp", api.server.url())));
    let docs = api.get("/docs/").await;
    assert!(docs.body.as_str().unwrap().contains("swagger-ui"));
    for (path, page) in [("/", &page), ("/docs/", &docs)] {
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        let part = |name: &str| policy.split("; ").find(|part| part.starts_with(name));
        let scripts = part("script-src ").or(part("default-src ")).unwrap();
        assert!(scripts.ends_with("-src 'self'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{path}: {policy}");
        let text = page.body.as_str().unwrap();
        for own in text.split("src=\"").chain(text.split("href=\"")).skip(1) {
            assert!(!own.starts_with("http") && !own.starts_with("//"), "{path} refers to {own}");
        }
    }
    for path in ["/assets/app.css", "/assets/app.js", "/assets/icon.svg", "/docs/swagger-ui-bundle.js"] {
        assert_eq!(api.get(path).await.status, 200, "{path}");
    }
    assert_eq!(api.get("/docs/no-such-file").await.code(), "not_found");
    assert_eq!(api.get("/docs").await.headers["location"], "/docs/");
}
