//! What cannot be asked for.

use super::*;

#[tokio::test]
async fn places_and_kinds_that_are_none_are_told_so() {
    let server = server().await;
    add(&server, 3).await;
    for (query, field) in [
        ("?after=-1", "after"),
        ("?after=4", "after"),
        ("?after=99999999999999999999", "after"),
        ("?after=x", "after"),
        ("?after=1.5", "after"),
        ("?kind=Directive.Queued", "kind"),
        ("?kind=directive.queued,a*b", "kind"),
        ("?kind=%20x%20y", "kind"),
        ("?kinds=directive.queued", "kinds"),
    ] {
        let (status, told) = server.get(&format!("/api/events{query}")).await.unwrap();
        assert_eq!((status, &told["errors"][0]["field"]), (400, &json!(field)), "{query}: {told}");
    }
    for last in ["-1", "x", "", "4", "1 2"] {
        let refused = server.client().get(url(&server, "")).header("last-event-id", last).send().await.unwrap();
        assert_eq!(refused.status(), 400, "{last:?}");
    }
    let posted = server.post("/api/events", &json!({})).await.unwrap();
    assert_eq!(posted.0, 405, "{}", posted.1);
}
