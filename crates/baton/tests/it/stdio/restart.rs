//! The server goes away under a running forwarder and comes back.

use baton_testkit::server::Port;

use super::*;

#[tokio::test]
async fn both_eras_go_on_at_a_server_that_was_killed_and_started_anew_elsewhere() {
    let (mut server, mut client, _home) = pair().await;
    client.initialize().await;
    let added = client.call(legacy(1, "tools/call", tool("add_directive", json!({"directive": "kept"})))).await;
    assert_eq!(added["result"]["structuredContent"]["success"], true, "{added}");
    for round in 0..3 {
        server.kill9().await.unwrap();
        server.restart(Port::Any).await.unwrap();
        let old = client.call(legacy(format!("old-{round}"), "tools/call", tool("list_directives", json!({})))).await;
        let new = client.call(modern(format!("new-{round}"), "tools/call", tool("list_directives", json!({})))).await;
        for answer in [old, new] {
            assert_eq!(answer["result"]["structuredContent"]["items"][0]["directive"], "kept", "{answer}");
        }
    }
    let (status, rest, _) = client.finish().await;
    assert_eq!((status.code(), rest), (Some(0), vec![]));
}

#[tokio::test]
async fn a_poll_that_was_under_way_when_the_server_died_gets_an_error_and_no_silence() {
    let (mut server, mut client, _home) = pair().await;
    client.initialize().await;
    client.call(modern(0, "tools/call", tool("start_directive_monitoring", json!({})))).await;
    client.send(&modern("new", "tools/call", poll(200))).await;
    parked(&server, 1).await;
    client.send(&legacy("old", "tools/call", poll(200))).await;
    parked(&server, 2).await;
    server.kill9().await.unwrap();
    server.restart(Port::Any).await.unwrap();
    for id in ["new", "old"] {
        // In the order in which the connections are seen to break.
        let _ = id;
        let answer = loop {
            let message = client.next().await;
            if message.get("method").is_none() {
                break message;
            }
        };
        assert_eq!(answer["error"]["code"], -32000, "{answer}");
        let words = answer["error"]["message"].as_str().unwrap();
        assert!(words.contains("broke before the answer came") && words.contains("ask again"), "{words}");
    }
    let (status, _, stderr) = client.finish().await;
    assert_eq!(status.code(), Some(0));
    assert!(stderr.contains("broke before the answer came"), "{stderr}");
}

#[tokio::test]
async fn a_server_that_stops_in_order_is_waited_for_and_replaced() {
    let (mut server, mut client, _home) = pair().await;
    client.call(modern(0, "tools/call", tool("add_directive", json!({"directive": "kept"})))).await;
    server.terminate().await.unwrap();
    let answer = client.call(modern(1, "tools/call", tool("list_directives", json!({})))).await;
    assert_eq!(answer["result"]["structuredContent"]["items"][0]["directive"], "kept", "{answer}");
    let started = start::Started::of(&server.data_dir());
    client.finish().await;
    started.stop().await;
}

#[tokio::test]
async fn the_server_of_a_url_is_not_started_but_found_again() {
    let mut server = Server::start(BATON, &[]).await.unwrap();
    let home = TempDir::new().unwrap();
    let mut client = Forwarder::start(home.path(), &["--url", server.url()]);
    client.initialize().await;
    server.kill9().await.unwrap();
    let gone = client.call(legacy(1, "tools/list", json!({}))).await;
    assert_eq!(gone["error"]["code"], -32000, "{gone}");
    assert!(gone["error"]["message"].as_str().unwrap().contains(server.url()), "{gone}");
    server.restart(Port::Same).await.unwrap();
    let back = client.call(legacy(2, "tools/list", json!({}))).await;
    assert!(back["result"]["tools"].is_array(), "{back}");
    let (status, _, _) = client.finish().await;
    assert_eq!(status.code(), Some(0));
}
