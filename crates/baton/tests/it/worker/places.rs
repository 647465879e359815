//! Where agents work, and where not.

use std::os::unix::fs::symlink;

use super::*;

#[tokio::test]
async fn directives_choose_inside_the_roots_and_nowhere_else() {
    let (server, place) = (Server::start(BATON, &[]).await.unwrap(), Place::new());
    symlink("/", place.at("projects/everything")).unwrap();
    let app = place.at("projects/acme/app").canonicalize().unwrap();
    let _worker = place.worker(&server, &["--concurrency", "4"]);
    for wish in [
        json!({"repository": "acme/app"}),
        json!({"repository": app}),
        json!({"metadata": {"working_directory": "acme/app"}}),
        json!({"repository": "acme", "metadata": {"working_directory": "app"}}),
    ] {
        let mut body = wish.clone();
        body["directive"] = json!("pwd -P");
        let id = submit(&server, body).await;
        let done = ended(&server, &id).await;
        assert_eq!(done["result"]["result"], json!(app), "{wish}: {done:#}");
    }
    for (field, wish) in [
        ("repository", json!({"repository": "../outside"})),
        ("repository", json!({"repository": "/etc"})),
        ("repository", json!({"repository": "everything/etc"})),
        ("repository", json!({"repository": "acme/none"})),
        ("metadata.working_directory", json!({"metadata": {"working_directory": "/"}})),
        ("metadata.working_directory", json!({"repository": "acme/app", "metadata": {"working_directory": ".."}})),
    ] {
        let mut body = wish.clone();
        body["directive"] = json!("touch /tmp/never");
        let id = submit(&server, body).await;
        let done = ended(&server, &id).await;
        let error = done["result"]["error"].as_str().unwrap_or_default().to_owned();
        assert_eq!(done["state"], "failed", "{wish}: {done:#}");
        let names = error.contains(&format!("`{field}`")) && error.contains("roots are") && error.contains("projects");
        assert!(names || wish["metadata"]["working_directory"] == "..", "{wish}: {error}");
    }
}

#[tokio::test]
async fn flags_say_where_directives_work_that_choose_nothing() {
    let (server, place) = (Server::start(BATON, &[]).await.unwrap(), Place::new());
    let (dir, root) = (place.at("home").canonicalize().unwrap(), place.at("projects/acme").display().to_string());
    let id = script(&server, "pwd -P").await;
    let inside = submit(&server, json!({"directive": "pwd -P", "repository": "app"})).await;
    let outside = submit(&server, json!({"directive": "pwd -P", "repository": "acme"})).await;
    let _worker = place.worker(&server, &["--dir", &dir.display().to_string(), "--root", &root]);
    assert_eq!(ended(&server, &id).await["result"]["result"], json!(dir));
    assert_eq!(ended(&server, &inside).await["state"], "completed");
    assert_eq!(ended(&server, &outside).await["state"], "failed", "--root takes the place of the settings' roots");
}
