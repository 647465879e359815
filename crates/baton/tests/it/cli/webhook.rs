//! `baton webhook`.

use baton_testkit::webhook_receiver::{Receiver, Reply};

use super::*;

/// A server that may call this machine.
async fn house() -> (House, Receiver) {
    let home = TempDir::new().unwrap();
    let config = home.path().join("house.toml");
    std::fs::write(&config, "outbound = { allow = [\"127.0.0.0/8\"] }\n").unwrap();
    let server = Server::start(BATON, &["--config", &config.display().to_string()]).await.unwrap();
    (House { server, home }, Receiver::start().await.unwrap())
}

#[tokio::test]
async fn an_endpoint_is_added_shown_tried_out_changed_and_removed() {
    let (house, receiver) = house().await;
    let mut tidy = Tidy::default();
    let url = receiver.url("/a");
    let added = house
        .run(&["webhook", "add", &url, "--events", "directive_completed,directive.dead", "--description", "chat"])
        .await;
    assert_eq!(added.status.code(), Some(0), "{}", err(&added));
    let id = out(&added).trim_end().to_owned();
    let secret = err(&added).trim_end().strip_prefix("signs with ").unwrap().to_owned();
    tidy.name(&[("ENDPOINT", &id), ("URL", &url)]);
    let again = house.run(&["webhook", "add", &url]).await;
    assert_eq!((out(&again).trim_end(), err(&again).contains("already")), (id.as_str(), true));

    assert_snapshot!("webhook-list", tidy.text(&house.print(&["webhook", "list"]).await));
    let shown = house.print(&["webhook", "show", &id]).await;
    assert!(!shown.contains("whsec_"), "{shown}");
    assert_snapshot!("webhook-show", tidy.text(&shown));
    assert!(house.print(&["webhook", "show", &id, "--secrets"]).await.contains(&secret));
    for (args, path) in [
        (&["webhook", "list"] as &[&str], "/api/webhooks?limit=1000".to_owned()),
        (&["webhook", "show", &id], format!("/api/webhooks/{id}")),
        (&["webhook", "deliveries", &id], format!("/api/webhooks/{id}/deliveries?limit=20")),
    ] {
        let json = house.print(&[args, &["--json"]].concat()).await;
        let body = house.server.client().get(format!("{}{path}", house.server.url())).send().await.unwrap();
        assert_eq!(json.trim_end(), body.text().await.unwrap(), "{args:?}");
    }

    let tried = house.print(&["webhook", "test", &id, "--wait"]).await;
    assert!(tried.starts_with("msg_") && tried.contains("delivered: answered 204 (1 attempt)"), "{tried}");
    receiver.received("/a")[0].verify(&secret).unwrap();
    receiver.script("/a", [Reply::Says(500, "no room\u{1b}[2J".to_owned()), Reply::Status(204)]);
    let failed = house.run(&["webhook", "test", &id, "--wait"]).await;
    assert_eq!(failed.status.code(), Some(1));
    assert!(
        err(&failed).contains("500") && err(&failed).contains("no room") && err(&failed).contains("tried again at"),
        "{}",
        err(&failed)
    );
    assert!(!err(&failed).contains('\u{1b}'));
    let pending = house.print(&["webhook", "deliveries", &id, "--state", "pending"]).await;
    assert_eq!(pending.lines().count(), 2, "{pending}");

    let rotated = house.run(&["webhook", "rotate", &id]).await;
    let fresh = out(&rotated).trim_end().to_owned();
    assert!(fresh.starts_with("whsec_") && fresh != secret, "{fresh}");
    assert!(house.print(&["webhook", "disable", &id]).await.contains("is not called: switched off"));
    let refused = house.run(&["webhook", "test", &id]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("baton webhook enable"), "{}", err(&refused));
    assert!(house.print(&["webhook", "enable", &id]).await.contains("is called"));
    let sent = house.print(&["webhook", "test", &id]).await;
    assert!(sent.starts_with("msg_") && sent.lines().count() == 1);
    receiver.wait_for("/a", 4).await.unwrap();
    assert!(house.print(&["webhook", "remove", &id]).await.contains("is gone"));
    for args in [&["webhook", "show", &id] as &[&str], &["webhook", "remove", &id], &["webhook", "deliveries", &id]] {
        let gone = house.run(args).await;
        assert_eq!(gone.status.code(), Some(1));
        assert!(err(&gone).contains(&id) && err(&gone).contains("baton webhook list"), "{}", err(&gone));
    }
}

#[tokio::test]
async fn what_was_delivered_is_delivered_again_under_the_same_id() {
    let (house, receiver) = house().await;
    let id = out(&house.run(&["webhook", "add", &receiver.url("/a")]).await).trim_end().to_owned();
    house.print(&["queue", "start"]).await;
    for text in ["one", "two"] {
        house.add(&[text]).await;
        house.finish_one(true, "done", None).await;
    }
    let first: Vec<String> = receiver.wait_for("/a", 2).await.unwrap().iter().map(|one| one.id().to_owned()).collect();
    let delivered = async {
        while house.print(&["webhook", "deliveries", &id, "--state", "delivered"]).await.lines().count() != 3 {
            tokio::task::yield_now().await;
        }
    };
    // `print` wants silence, and an empty list is told on stderr: so both must have been delivered.
    let settled = async {
        let path = format!("/api/webhooks/{id}");
        while house.server.get(&path).await.unwrap().1["delivered"] != 2 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, settled).await.unwrap();
    timeout(PATIENCE, delivered).await.unwrap();
    assert_eq!(
        house.print(&["webhook", "replay", &id]).await,
        "0 deliveries are made again\n",
        "there is no dead letter"
    );
    assert_eq!(house.print(&["webhook", "replay", &id, "--delivery", &first[0]]).await, "1 delivery is made again\n");
    let received = receiver.wait_for("/a", 3).await.unwrap();
    assert_eq!((received[2].id(), &received[2].body), (first[0].as_str(), &received[0].body));
    timeout(PATIENCE, async {
        while house.server.get(&format!("/api/webhooks/{id}")).await.unwrap().1["delivered"] != 2 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let range =
        ["webhook", "replay", &id, "--all", "--since", "2020-01-01T00:00:00Z", "--until", "2020-01-02T00:00:00Z"];
    assert_eq!(house.print(&range).await, "0 deliveries are made again\n");
    assert_eq!(house.print(&["webhook", "replay", &id, "--all"]).await, "2 deliveries are made again\n");
    receiver.wait_for("/a", 5).await.unwrap();
    for (args, code, words) in [
        (&["webhook", "replay", &id, "--since", "yesterday"] as &[&str], 1, "since"),
        (&["webhook", "replay", &id, "--delivery", "msg_x"], 1, "msg_x"),
        (&["webhook", "replay", &id, "--delivery", "msg_x", "--all"], 2, "--all"),
        (&["webhook", "deliveries", &id, "--state", "lost"], 1, "state"),
        (&["webhook", "add", "ftp://x"], 1, "url"),
        (&["webhook", "add", "https://hooks.example/", "--events", "No Such"], 1, "events[0]"),
        (&["webhook", "add", "https://hooks.example/", "--secret", "short"], 1, "secret"),
    ] {
        let refused = house.run(args).await;
        assert_eq!(refused.status.code(), Some(code), "{args:?}: {}", err(&refused));
        assert!(err(&refused).contains(words), "{args:?}: {}", err(&refused));
    }
}
