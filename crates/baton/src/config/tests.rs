//! Layers, their order, and what is refused.

mod names;

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use super::*;

/// Settings from a file, variables and flags; the problems as text, with the file called `FILE`.
fn load_from(file: &str, variables: &[(&str, &str)], flags: &[Flag]) -> Result<Loaded, String> {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("baton.toml");
    fs::write(&path, file).unwrap();
    fs::write(dir.path().join("lease"), "12.5\n").unwrap();
    let text = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
    let all: Vec<_> = variables.iter().map(text).collect();
    let sources = Sources {
        files: vec![path.clone()],
        variables: all.iter().filter(|(name, _)| name.starts_with("BATON_")).cloned().collect(),
        surroundings: all,
        flags: flags.to_vec(),
    };
    load(&sources).map_err(|problems| {
        let dir = dir.path().display().to_string();
        problems.to_string().replace(&format!("{dir}/baton.toml"), "FILE").replace(&dir, "DIR")
    })
}

#[test]
fn the_weightier_layer_wins_and_is_named() {
    let file = "[queue]\nlease_seconds = 60\nmax_deliveries = 2\nmax_wait_seconds = 10\n";
    let variables = [("BATON_QUEUE_MAX_DELIVERIES", "3"), ("BATON_BIND", "127.0.0.1:81"), ("OTHER", "1")];
    let flag = Flag { name: "--bind", key: "server.bind", text: "127.0.0.1:82".into() };
    let loaded = load_from(file, &variables, &[flag]).unwrap();
    assert_eq!(loaded.settings.queue.lease_seconds, 60.0);
    assert_eq!(loaded.settings.queue.max_deliveries, 3);
    assert_eq!(loaded.settings.server.bind.port(), 82);
    assert_eq!(loaded.settings.store, Store::default());
    assert_eq!(loaded.origin("server.bind"), Origin::Flag("--bind"));
    assert_eq!(loaded.origin("queue.max_deliveries").to_string(), "BATON_QUEUE_MAX_DELIVERIES");
    assert!(loaded.origin("queue.lease_seconds").to_string().ends_with("baton.toml:2"));
    assert_eq!(loaded.origin("telemetry.log"), Origin::Default);
}

#[test]
fn the_nearer_file_wins() {
    let dir = TempDir::new().unwrap();
    let (near, far) = (dir.path().join("near.toml"), dir.path().join("far.toml"));
    fs::write(&near, "queue.lease_seconds = 1").unwrap();
    fs::write(&far, "queue = { lease_seconds = 2, max_deliveries = 7 }").unwrap();
    let loaded = load(&Sources { files: vec![near, far], ..Sources::default() }).unwrap();
    assert_eq!((loaded.settings.queue.lease_seconds, loaded.settings.queue.max_deliveries), (1.0, 7));
}

#[test]
fn every_key_can_be_set_by_a_variable_of_its_name() {
    let samples = [
        ("BATON_SERVER_BIND", "[::1]:9000"),
        ("BATON_SERVER_PUBLIC_URL", "https://baton.example"),
        ("BATON_SERVER_ALLOWED_HOSTS", "baton.example, other.example:8443"),
        ("BATON_SERVER_ALLOWED_ORIGINS", "https://app.example"),
        ("BATON_SERVER_TLS_CERT", "cert.pem"),
        ("BATON_SERVER_TLS_KEY", "key.pem"),
        ("BATON_SERVER_BEHIND_PROXY", "true"),
        ("BATON_STORE_URL", "sqlite:///tmp/x.db"),
        ("BATON_STORE_SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ("BATON_STORE_SYNCHRONOUS", "normal"),
        ("BATON_STORE_RETENTION_EVENTS", "12h"),
        ("BATON_STORE_RETENTION_RESULTS", "90d"),
        ("BATON_STORE_RETENTION_TRANSCRIPTS", "forever"),
        ("BATON_QUEUE_LEASE_SECONDS", "0.5"),
        ("BATON_QUEUE_MAX_DELIVERIES", "9"),
        ("BATON_QUEUE_MAX_WAIT_SECONDS", "30"),
        ("BATON_AUTH_MODE", "required"),
        ("BATON_LIMITS_REQUESTS_PER_SECOND", "50"),
        ("BATON_LIMITS_BURST", "200"),
        ("BATON_LIMITS_WAITING_POLLS", "7"),
        ("BATON_LIMITS_EVENT_STREAMS", "8"),
        ("BATON_OUTBOUND_ALLOW", "127.0.0.0/8, ::1, hooks.internal"),
        ("BATON_WEBHOOKS_TIMEOUT_SECONDS", "2.5"),
        ("BATON_WEBHOOKS_GIVE_UP_AFTER", "12h"),
        ("BATON_SESSIONS_ROOTS", "/srv,/home/me"),
        ("BATON_TELEMETRY_LOG", "warn,baton_store=debug"),
    ];
    let loaded = load_from("", &samples, &[]).unwrap();
    let fixed = keys::Known::new().of(&json!(Settings::default()));
    let mut names: Vec<String> = fixed.iter().filter_map(keys::Key::variable).collect();
    names.sort();
    let mut given: Vec<&str> = samples.iter().map(|(name, _)| *name).collect();
    given.sort();
    assert_eq!(names, given, "this list holds every key");
    assert!(fixed.iter().all(|key| loaded.origin(&key.path) != Origin::Default));
    assert_eq!(loaded.settings.server.allowed_hosts, ["baton.example", "other.example:8443"]);
    assert_eq!(loaded.settings.store.retention.events.span().unwrap().as_secs(), 12 * 3600);
    assert_eq!(loaded.settings.store.synchronous, Synchronous::Normal);
    assert_eq!(loaded.settings.store.retention.transcripts, Retention::FOREVER);
    assert_eq!(loaded.settings.store.secret_key.as_ref().unwrap().expose().len(), 32);
    assert_eq!(loaded.settings.server.tls(), Some((Path::new("cert.pem"), Path::new("key.pem"))));
    let rate = loaded.settings.limits.rate().unwrap();
    assert_eq!((rate.per_second.get(), rate.burst.get()), (50, 200));
    assert!(loaded.settings.outbound().address("x", [127, 0, 0, 1].into()).is_ok());
    assert_eq!(loaded.settings.webhooks.timeout().as_secs_f64(), 2.5);
    assert_eq!(loaded.settings.webhooks.give_up_after.length().as_secs(), 12 * 3600);
    assert_eq!(loaded.settings.database(Path::new("/data")), Path::new("/tmp/x.db"));
}

#[test]
fn the_defaults_are_sound_and_are_what_an_empty_file_means() {
    assert_eq!(load_from("", &[], &[]).unwrap().settings, Settings::default());
    assert_eq!(Settings::default().check().0, []);
    let round: Settings = serde_json::from_value(json!(Settings::default())).unwrap();
    assert_eq!(round, Settings::default());
}

#[test]
fn references_are_resolved_and_never_shown() {
    let file = "telemetry.log = \"env:LEVEL\"\nqueue.lease_seconds = \"file:lease\"\n";
    let loaded = load_from(file, &[("LEVEL", "debug")], &[]).unwrap();
    assert_eq!(loaded.settings.telemetry.log, "debug");
    assert_eq!(loaded.settings.queue.lease_seconds, 12.5, "relative to the file that names it");
    let shown = loaded.shown();
    let log = shown.iter().find(|line| line.key == "telemetry.log").unwrap();
    assert_eq!(log.value, json!("env:LEVEL"));
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_the_right_word() {
    let nothing: &[(&str, &str)] = &[];
    let cases = [
        ("[queue]\nlease_second = 1", nothing),
        ("[queu]\nlease_seconds = 1", nothing),
        ("bind = \"127.0.0.1:1\"", nothing),
        ("[colours]\nsky = \"blue\"", nothing),
        ("[store.retention]\nevent = \"1d\"", nothing),
        ("[queue]\nlease_seconds = \"soon\"", nothing),
        ("[queue]\nmax_deliveries = 2.5", nothing),
        ("[queue]\nmax_deliveries = 99999999999999999999", nothing),
        ("\n\nqueue = 5", nothing),
        ("[server]\nbind = { port = 1 }", nothing),
        ("[server]\nallowed_hosts = \"a\"", nothing),
        ("[server]\nallowed_hosts = [1]", nothing),
        ("[server]\nallowed_origins = [\"app.example\"]", nothing),
        ("[server]\npublic_url = \"baton.example\"", nothing),
        ("[server]\nbind = \"8000\"", nothing),
        ("[server]\ntls_cert = \"cert.pem\"", nothing),
        ("[server]\ntls_key = \"key.pem\"", nothing),
        ("[server]\nbehind_proxy = \"yes\"", nothing),
        ("[auth]\nmode = \"none\"", nothing),
        ("[outbound]\nallow = [\"10.0.0.0/8\", \"10.0.0.0/33\", \"*.internal\"]", nothing),
        ("[limits]\nrequests_per_second = -1", nothing),
        ("[limits]\nrequests_per_second = 1000001\nburst = 0\nwaiting_polls = 0\nevent_streams = 0", nothing),
        ("[webhooks]\ntimeout_seconds = 0\ngive_up_after = \"forever\"", nothing),
        ("[webhooks]\ngive_up_after = \"31d\"", nothing),
        ("[sessions]\nroots = [\"/srv\", \"projects\"]", nothing),
        ("[store]\nsecret_key = \"hunter2\"", nothing),
        ("[store]\nsecret_key = \"env:SECRET\"", &[("SECRET", "hunter2")]),
        ("[store]\nsecret_key = 7", nothing),
        ("[store]\nsynchronous = \"ful\"", nothing),
        ("[store]\nurl = \"postgres://me:secret@db/baton\"", nothing),
        ("[store]\nurl = \"baton.db\"", nothing),
        ("[store]\nretention.events = \"a while\"", nothing),
        ("[store]\nretention.events = \"1s\"", nothing),
        ("[queue]\nlease_seconds = 0", nothing),
        ("[queue]\nlease_seconds = nan", nothing),
        ("[queue]\nmax_deliveries = 0", nothing),
        ("[queue]\nmax_wait_seconds = 240.5", nothing),
        ("[telemetry]\nlog = \"baton=loud\"", nothing),
        ("[telemetry]\nlog = \"env:BATON_NOT_THERE\"", nothing),
        ("[telemetry]\nlog = \"file:nowhere\"", nothing),
        ("[queue]\nlease_seconds = \"env:SECRET\"", &[("SECRET", "hunter2")]),
        ("[queue\nlease_seconds = 1", nothing),
        ("[queue]\nlease_seconds = 1\nlease_seconds = 2", nothing),
        ("[queue]\nlease_second = 1\nmax_deliverys = 1\nmax_wait_seconds = -1", nothing),
        ("", &[("BATON_QUEUE_LEASE_SECOND", "1")]),
        ("", &[("BATON_BNID", "127.0.0.1:1")]),
        ("", &[("BATON_QUEUE_LEASE_SECONDS", "soon")]),
        ("", &[("BATON_BIND", "127.0.0.1:1"), ("BATON_SERVER_BIND", "127.0.0.1:2")]),
    ];
    let mut told = String::new();
    for (file, variables) in cases {
        let problems = load_from(file, variables, &[]).expect_err(file);
        let variables: String = variables.iter().map(|(name, value)| format!("{name}={value} ")).collect();
        assert!(!problems.contains("hunter2") && !problems.contains("me:secret"), "a secret is shown: {problems}");
        told += &format!("--- {}{}\n{problems}\n", variables, file.replace('\n', "⏎"));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn limits_are_accepted_at_the_limit() {
    let file = "[queue]\nlease_seconds = 0.001\nmax_deliveries = 1000\nmax_wait_seconds = 240\n[store]\nretention.events = \"1min\"\n";
    load_from(file, &[], &[]).unwrap();
    load_from("[queue]\nlease_seconds = 315360000\nmax_deliveries = 1\nmax_wait_seconds = 0", &[], &[]).unwrap();
    load_from("[webhooks]\ntimeout_seconds = 300\ngive_up_after = \"30d\"\n[limits]\nburst = 1", &[], &[]).unwrap();
}

#[test]
fn variables_of_other_programs_are_left_alone() {
    let others =
        ["BATON_CACHE", "BATON_CA_CERT", "BATON_ATTEMPT", "BATON_DIRECTIVE_ID", "BATON_TEST_RUNS", "QUEUE_LEASE"];
    load_from("", &others.map(|name| (name, "1")), &[]).unwrap();
}

#[test]
fn the_certificate_is_looked_for_beside_the_file_that_names_it() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("baton.toml");
    fs::write(&file, "server = { tls_cert = \"cert.pem\", tls_key = \"/etc/key.pem\" }\n").unwrap();
    let loaded = load(&Sources { files: vec![file], ..Sources::default() }).unwrap();
    assert_eq!(loaded.settings.server.tls(), Some((&*dir.path().join("cert.pem"), Path::new("/etc/key.pem"))));
    assert!(loaded.shown().iter().any(|line| line.key == "server.tls_cert" && line.value == "cert.pem"));
}

#[test]
fn a_reload_names_what_changed_and_what_must_wait() {
    let before = load_from("", &[], &[]).unwrap();
    let file = "[queue]\nlease_seconds = 1\n[server]\nbind = \"127.0.0.1:81\"\n[store.retention]\nevents = \"1d\"\n\
                [limits]\nburst = 9\n";
    let after = load_from(file, &[], &[]).unwrap();
    let changed = changed(&before, &after);
    assert_eq!(changed, ["limits.burst", "queue.lease_seconds", "server.bind", "store.retention.events"]);
    assert_eq!(changed.iter().map(|key| can_reload(key)).collect::<Vec<_>>(), [true, true, false, true]);
}

#[test]
fn a_secret_is_never_shown_and_its_change_is_seen() {
    let key = |end: &str| format!("store.secret_key = \"0123456789abcdef0123456789abcde{end}\"");
    let (before, after) = (load_from(&key("1"), &[], &[]).unwrap(), load_from(&key("2"), &[], &[]).unwrap());
    assert_eq!(changed(&before, &after), ["store.secret_key"]);
    assert_eq!(changed(&before, &before), [""; 0]);
    let line = before.shown().into_iter().find(|line| line.key == "store.secret_key").unwrap();
    assert_eq!((line.value, line.is_hidden), (json!("***"), true));
    assert!(!format!("{before:?}").contains("0123456789abcdef"), "nor in the log");

    let by_name = load_from("store.secret_key = \"env:KEY\"", &[("KEY", &"k".repeat(32))], &[]).unwrap();
    let line = by_name.shown().into_iter().find(|line| line.key == "store.secret_key").unwrap();
    assert_eq!((line.value, line.is_hidden), (json!("env:KEY"), false));
}

#[test]
fn who_needs_a_token_and_what_is_warned_of() {
    let cases = [
        ("", false, 0),
        ("auth.mode = \"required\"", true, 0),
        ("server.bind = \"0.0.0.0:8000\"", true, 1),
        ("server.bind = \"192.168.1.7:8000\"\nserver.tls_cert = \"c\"\nserver.tls_key = \"k\"", true, 0),
        ("server.bind = \"[::]:8000\"\nserver.behind_proxy = true", true, 0),
        ("server.bind = \"[::1]:8000\"", false, 0),
        ("server.behind_proxy = true\nserver.public_url = \"https://baton.example\"", true, 0),
        ("server.public_url = \"https://baton.example\"", false, 1),
    ];
    for (file, needs_tokens, warnings) in cases {
        let settings = load_from(file, &[], &[]).unwrap().settings;
        assert_eq!((settings.needs_tokens(), settings.warnings().len()), (needs_tokens, warnings), "{file}");
    }
}

#[test]
fn the_schema_describes_every_key() {
    let schema = json!(schema());
    for key in keys::Known::new().iter() {
        let pointer = key.path.split('.').fold(String::new(), |path, name| match name {
            "*" => format!("{path}/additionalProperties"),
            name => format!("{path}/properties/{name}"),
        });
        let described = schema.pointer(&pointer).unwrap_or_else(|| panic!("{} is missing", key.path));
        // The variables of an agent are described where their table is.
        assert!(described["description"].is_string() || key.path.ends_with('*'), "{} has no description", key.path);
    }
    assert_eq!(schema["additionalProperties"], json!(false));
    assert_eq!(schema["properties"]["agents"]["additionalProperties"]["additionalProperties"], json!(false));
    assert_eq!(schema["properties"]["agents"]["propertyNames"]["pattern"], json!(NAMES));
}
