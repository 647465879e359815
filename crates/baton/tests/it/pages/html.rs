//! What the pages say, and the headers they come with, to somebody without a script.
#![expect(clippy::unwrap_used, reason = "a test that fails here says where")]

use serde_json::{Value, json};

use crate::api::{Answer, Api};

/// The text of a page; each page is one, whatever its status.
async fn page(api: &Api, path: &str) -> Answer {
    let response = api.server.client().get(api.url(path)).send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: Value::String(response.text().await.unwrap()) }
}

fn text(page: &Answer) -> &str {
    page.body.as_str().unwrap()
}

#[tokio::test]
async fn the_pages_come_from_the_server_alone() {
    let mut api = Api::started().await;
    let id = api.add("<script>alert(1)</script> & \u{202e}more").await;
    let shown = "&lt;script&gt;alert(1)&lt;/script&gt; &amp; <mark title=\"Hidden characters\">\\u{202e}</mark>more";
    let detail = format!("/directives/{id}");
    for path in ["/", "/directives", &detail, "/login", "/docs/", "/directives/no-such-one"] {
        let page = page(&api, path).await;
        assert_eq!(page.status, if path.ends_with("no-such-one") { 404 } else { 200 }, "{path}");
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        let part = |name: &str| policy.split("; ").find(|part| part.starts_with(name));
        let scripts = part("script-src ").or(part("default-src ")).unwrap();
        assert!(scripts.ends_with("-src 'self'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{path}: {policy}");
        assert_eq!(page.headers["x-content-type-options"], "nosniff");
        let text = text(&page);
        for own in text.split("src=\"").chain(text.split("href=\"")).skip(1) {
            assert!(!own.starts_with("http") && !own.starts_with("//"), "{path} refers to {own}");
        }
        assert!(!text.contains(" style=") && !text.contains("<style"), "{path}: the policy would refuse inline styles");
        assert!(!text.contains("<script>"), "{path}");
        if path == "/" || path.starts_with("/directives") && page.status == 200 {
            assert!(text.contains(shown), "{path}: {text}");
        }
    }
    let first = page(&api, "/").await;
    assert!(text(&first).contains(&format!("claude mcp add --transport http baton {}/mcp", api.server.url())));
    assert_eq!(api.get("/docs/no-such-file").await.code(), "not_found");
    assert_eq!(api.get("/docs").await.headers["location"], "/docs/");
}

#[tokio::test]
async fn files_are_kept_by_browsers_until_they_change() {
    let mut api = Api::new().await;
    let first = page(&api, "/").await;
    for name in ["app.css", "app.js", "theme.js", "icon.svg"] {
        let start = text(&first).find(&format!("/assets/{name}?v=")).unwrap_or_else(|| panic!("no page names {name}"));
        let named = text(&first)[start..].split('"').next().unwrap();
        let kept = page(&api, named).await;
        assert_eq!(kept.headers["cache-control"], "public, max-age=31536000, immutable", "{named}");
        let asked = page(&api, &format!("/assets/{name}")).await;
        assert_eq!((asked.status, &asked.headers["cache-control"]), (200, &"no-cache".parse().unwrap()));
        let known = api.server.client().get(api.url(&format!("/assets/{name}")));
        let known = known.header("if-none-match", &asked.headers["etag"]).send().await.unwrap();
        assert_eq!(known.status(), 304, "{name}");
    }
    assert_eq!(api.get("/assets/no-such-file").await.code(), "not_found");
    let script = page(&api, "/assets/app.js").await;
    assert!(text(&script).len() <= 14 * 1024, "app.js has {} bytes", text(&script).len());
}

#[tokio::test]
async fn the_first_page_tells_what_waits_what_runs_and_what_came_of_it() {
    let mut api = Api::new().await;
    let empty = page(&api, "/").await;
    for part in ["No result in the last hour.", "Nothing waits and nobody is at work.", "Monitoring is off", "–</dd>"]
    {
        assert!(text(&empty).contains(part), "{part}: {}", text(&empty));
    }
    api.post("/mcp/start_monitoring", Value::Null).await;
    let done = api.add("count the stars").await;
    api.take().await;
    api.report(&done, true, "as the sand of the sea").await;
    let failed = api.add("count the sand").await;
    api.take().await;
    let error = json!({"directive_id": failed, "success": false, "result": "", "error": "lost count"});
    api.post("/mcp/get_next_directive", error).await;
    api.add_with(json!({"directive": "with an agent", "priority": "urgent"})).await;
    api.post("/mcp/get_next_directive?agent=night-shift", Value::Null).await;
    for (text, priority) in [("goes last", "low"), ("goes first", "high")] {
        api.add_with(json!({"directive": text, "priority": priority, "tags": ["a&b"]})).await;
    }
    api.add_with(json!({"directive": "not yet", "delay_seconds": 3600})).await;
    let page = page(&api, "/").await;
    let text = text(&page);
    for part in [
        "Monitoring is on",
        "<dd>50 %</dd>",
        "1 succeeded",
        "UTC: 1 succeeded, 1 failed</title>",
        "with <bdi>night-shift</bdi>",
        "href=\"/directives?tag=a%26b\"",
        "in 59 min",
        "lost count",
        &format!("href=\"/directives/{failed}\""),
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} is missing: {text}"));
    assert!(place("Needs attention") < place("goes first") && place("goes first") < place("goes last"));
    assert!(place("with an agent") < place("goes first") && place("goes last") < place("not yet"));
    assert!(text.contains(&format!("id=\"n-{failed}\"")), "a failure needs attention");
    api.post(&format!("/api/directives/{failed}/retry"), Value::Null).await;
    let after = self::page(&api, "/").await;
    assert!(!self::text(&after).contains(&format!("id=\"n-{failed}\"")), "once something came of it, no more");
}

#[tokio::test]
async fn a_directives_page_tells_its_story() {
    let mut api = Api::started().await;
    let id = api
        .add_with(json!({
            "directive": "it's <b>bold</b>", "priority": "high", "tags": ["ops"], "retry_on_failure": true,
            "max_retries": 1, "retry_delay": 0, "metadata": {"ticket": "A-1"},
            "follow_up_rules": [{"condition": "success", "next_directive": "celebrate"}],
        }))
        .await;
    api.take().await;
    let failed = json!({"directive_id": id, "success": false, "result": "half of it", "error": "no power"});
    let again = api.post("/mcp/get_next_directive?agent=second&wait_seconds=20", failed).await;
    assert_eq!(again.body["directive_id"], id.as_str(), "{again:?}");
    let done = json!({"directive_id": id, "success": true, "result": "all\u{200b}", "metadata": {"cost_usd": 0.25}});
    api.post("/mcp/get_next_directive", done).await;
    let page = page(&api, &format!("/directives/{id}")).await;
    let text = text(&page);
    for part in [
        "it's &lt;b&gt;bold&lt;/b&gt;",
        "Where the time went",
        "attempt 1 (failed)",
        "attempt 2 (succeeded)",
        "no power",
        "half of it",
        "Handed to second (attempt 2)",
        "to be tried again",
        "Completed",
        "all<mark title=\"Hidden characters\">\\u{200b}</mark>",
        "cost_usd",
        "0.25",
        "A-1",
        "celebrate",
        "baton directive add --priority high --tag ops --retry 1",
        " -- 'it'\\''s &lt;b&gt;bold&lt;/b&gt;'",
        &format!("href=\"/api/directives/{id}\""),
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let child = api.get(&format!("/api/directives/{id}")).await.body["children"][0].as_str().unwrap().to_owned();
    assert!(text.contains(&format!("href=\"/directives/{child}\"")), "{text}");
    let child = self::page(&api, &format!("/directives/{child}")).await;
    assert!(self::text(&child).contains(&format!("href=\"/directives/{id}\"")), "it names what it came of");
    let unknown = self::page(&api, "/directives/<nothing>").await;
    assert_eq!(unknown.status, 404);
    assert!(self::text(&unknown).contains("no directive with the id `&lt;nothing&gt;`"));
}

#[tokio::test]
async fn the_list_is_narrowed_and_paged() {
    let mut api = Api::new().await;
    for number in 0..52 {
        let body =
            json!({"directive": format!("Number {number}."), "tags": [if number == 7 { "seven" } else { "any" }]});
        api.add_with(body).await;
    }
    let urgent = api.add_with(json!({"directive": "Émile's 100% part", "priority": "urgent"})).await;
    let rows = |page: &Answer| text(page).matches("data-row").count();
    let newest = page(&api, "/directives").await;
    assert_eq!(rows(&newest), 50);
    let older = text(&newest).split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(rows(&page(&api, &older.replace("&amp;", "&")).await), 3);
    for (query, found) in [
        ("q=&state=&priority=&tag=", 50),
        ("tag=seven", 1),
        ("priority=urgent", 1),
        ("state=completed", 0),
        ("q=NUMBER+1", 11),
        ("q=100%25+PART", 1),
        ("q=%25", 1),
        (&format!("q={urgent}"), 1),
        (&format!("q={}&priority=low", &urgent[..20]), 0),
        ("state=nonsense", 0),
    ] {
        let page = page(&api, &format!("/directives?{query}")).await;
        assert_eq!((page.status, rows(&page)), (200, found), "{query}");
    }
    assert_eq!(page(&api, "/directives?cursor=nonsense").await.status, 400);
    assert_eq!(page(&api, "/directives?q=a&q=b").await.status, 400);
}
