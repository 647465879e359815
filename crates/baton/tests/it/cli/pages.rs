//! `--all` follows every page and prints one document.

use axum::{body::Body, response::Response};

use super::*;
use crate::stdio::fake::{Fake, raw};

#[tokio::test]
async fn results_are_followed_by_their_link_header_and_keep_the_servers_words() {
    let server = Fake::start(|seen| {
        let page = |body: &'static str, link: &str| {
            Response::builder().header("link", link).header("content-type", "application/json").body(Body::from(body))
        };
        match seen.query.as_str() {
            "limit=1000" => page(r#"[{"b":1,"a":1.10}]"#, "</api/results?limit=1000&cursor=x>; rel=\"next\"").unwrap(),
            "limit=1000&cursor=x" => page("[]", "</api/results?limit=1000&cursor=y>; rel=\"next\"").unwrap(),
            "limit=1000&cursor=y" => raw(200, "application/json", r#"[ {"z":"é"} ]"#),
            other => raw(400, "text/plain", other.to_owned()),
        }
    })
    .await;
    let home = TempDir::new().unwrap();
    let output = run(&home, &["results", "--all", "--json", "--url", &server.url]).await;
    assert_eq!(out(&output), "[{\"b\":1,\"a\":1.10},{\"z\":\"é\"}]\n", "{}", err(&output));
}

#[tokio::test]
async fn directives_are_followed_by_their_cursor() {
    let house = House::new().await;
    for number in 0..3 {
        house.add(&[&format!("number {number}"), "--tag", "t"]).await;
    }
    house.add(&["another"]).await;
    let first = house.run(&["directive", "list", "--tag", "t", "--limit", "2"]).await;
    let cursor = err(&first).trim().rsplit_once(' ').unwrap().1.to_owned();
    let rest = house.print(&["directive", "list", "--tag", "t", "--cursor", &cursor]).await;
    assert!(rest.contains("number 0") && !rest.contains("number 1"), "{rest}");
    let all = house.print(&["directive", "list", "--tag", "t", "--all"]).await;
    assert_eq!(all.lines().count(), 4, "{all}");
    let json: Value = serde_json::from_str(&house.print(&["directive", "list", "--all", "--json"]).await).unwrap();
    assert_eq!((json["items"].as_array().unwrap().len(), &json["next_cursor"]), (4, &json!(null)));
}

#[tokio::test]
async fn a_thousand_and_one_directives_are_all_listed() {
    let house = House::new().await;
    let posts = (0..1001).map(|number| {
        let request = house.server.client().post(format!("{}/api/directives", house.server.url()));
        async move { request.json(&json!({"directive": format!("number {number}")})).send().await.unwrap().status() }
    });
    use futures_util::StreamExt;
    let taken =
        futures_util::stream::iter(posts).buffer_unordered(32).filter(|status| std::future::ready(status.is_success()));
    assert_eq!(taken.count().await, 1001);
    let json: Value = serde_json::from_str(&house.print(&["directive", "list", "--all", "--json"]).await).unwrap();
    assert_eq!(json["items"].as_array().unwrap().len(), 1001);
}
