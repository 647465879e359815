//! `baton backup`, `baton restore` and `baton doctor`.

use std::{fs, os::unix::fs::PermissionsExt};

use baton_testkit::server::{Port, Server};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli_serve::{baton, stderr, stdout};

const BATON: &str = env!("CARGO_BIN_EXE_baton");

#[tokio::test]
async fn a_backup_of_a_running_server_can_be_put_back() {
    let mut server = Server::start(BATON, &[]).await.unwrap();
    let home = TempDir::new().unwrap();
    let data = server.data_dir().display().to_string();
    let (_, kept) = server.post("/api/directives", &json!({"directive": "kept"})).await.unwrap();

    let copy = ["backup", "copy.db", "--data-dir", &data, "--json"];
    let made = baton(home.path(), &copy).await;
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let told: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!((&told["holds"]["directives"], &told["holds"]["results"]), (&json!(1), &json!(0)));
    let mode = fs::metadata(home.path().join("copy.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "a copy is as private as the data");
    let again = baton(home.path(), &copy).await;
    assert_eq!(again.status.code(), Some(1), "an existing file is not overwritten");

    let (_, late) = server.post("/api/directives", &json!({"directive": "after the backup"})).await.unwrap();
    let restore = ["restore", "copy.db", "--data-dir", &data];
    let refused = baton(home.path(), &restore).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains(&format!("answers at {}", server.url())), "{}", stderr(&refused));

    server.terminate().await.unwrap();
    let refused = baton(home.path(), &restore).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("baton restore --force"), "{}", stderr(&refused));
    let forced = baton(home.path(), &[&restore[..], &["--force"]].concat()).await;
    assert_eq!(forced.status.code(), Some(0), "{}", stderr(&forced));
    assert!(stdout(&forced).contains("1 directives, 0 results"), "{}", stdout(&forced));

    server.restart(Port::Any).await.unwrap();
    let state = async |added: &Value| {
        let id = added["directive_id"].as_str().unwrap();
        server.get(&format!("/api/directives/{id}")).await.unwrap().0
    };
    assert_eq!((state(&kept).await, state(&late).await), (200, 404));
    let aside = fs::read_dir(server.data_dir()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let aside: Vec<String> = aside.filter(|name| name.starts_with("baton.db.before-")).collect();
    assert_eq!(aside.len(), 1, "the database that was there is kept: {aside:?}");
}

#[tokio::test]
async fn what_is_no_backup_is_not_restored() {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("junk.db"), "this is no database, however long it may be").unwrap();
    for (file, words) in [("junk.db", "nothing was restored"), ("none.db", "there is no backup none.db")] {
        let output = baton(home.path(), &["restore", file]).await;
        assert_eq!(output.status.code(), Some(1), "{file}");
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
    assert!(!home.path().join(".local/share/baton/baton.db").exists());
    let nothing = baton(home.path(), &["backup", "copy.db"]).await;
    assert_eq!(nothing.status.code(), Some(1));
    assert!(stderr(&nothing).contains("there is nothing to back up"), "{}", stderr(&nothing));
}

#[tokio::test]
async fn the_doctor_finds_what_is_wrong() {
    let home = TempDir::new().unwrap();
    let well = baton(home.path(), &["doctor", "--json", "--data-dir", "data"]).await;
    let checks: Vec<Value> = serde_json::from_slice(&well.stdout).unwrap();
    let names: Vec<&str> = checks.iter().filter_map(|check| check["name"].as_str()).collect();
    let expected = [
        "version",
        "settings",
        "data directory",
        "disk",
        "server",
        "database",
        "durability",
        "secret key",
        "clock",
        "port",
        "access",
        "open files",
        "agent claude",
    ];
    assert_eq!(names, expected);

    fs::create_dir(home.path().join("data")).unwrap();
    fs::write(home.path().join("data/baton.db"), "this is no database, however long it may be").unwrap();
    fs::write(home.path().join("baton.toml"), "nonsense = 1").unwrap();
    let ill = baton(home.path(), &["doctor", "--data-dir", "data"]).await;
    assert_eq!(ill.status.code(), Some(1));
    let told = stdout(&ill);
    assert!(told.contains("BAD  settings") && told.contains("BAD  database"), "{told}");
}
