//! TLS on the listener, and what the command line trusts.
#![expect(clippy::unwrap_used, reason = "what a test's helper cannot do is a failure of the test")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStderr, Output, Stdio},
    time::Duration,
};

use baton_testkit::process::clean_command;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

const BATON: &str = env!("CARGO_BIN_EXE_baton");
const PATIENCE: Duration = Duration::from_secs(60);

/// A home with a certificate for `name` that signed itself, in `cert.pem` and `key.pem`.
fn certify(home: &Path, name: &str) {
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
    fs::write(home.join("cert.pem"), cert.pem()).unwrap();
    fs::write(home.join("key.pem"), key.serialize_pem()).unwrap();
}

/// `baton serve` with the certificate of its home.
struct Server {
    child: Child,
    log: BufReader<ChildStderr>,
    home: TempDir,
    url: String,
}

impl Server {
    fn start() -> Self {
        let home = TempDir::new().unwrap();
        certify(home.path(), "localhost");
        let config = "server = { bind = \"127.0.0.1:0\", tls_cert = \"cert.pem\", tls_key = \"key.pem\" }\n";
        fs::write(home.path().join("baton.toml"), config).unwrap();
        let mut command = clean_command(BATON, home.path()).into_std();
        command.current_dir(home.path()).arg("serve").stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut server = Server { child, log, home, url: String::new() };
        server.said("  data");
        let lock = fs::read(server.home.path().join(".local/share/baton/lock")).unwrap();
        let lock: Value = serde_json::from_slice(&lock).unwrap();
        server.url = lock["url"].as_str().unwrap().to_owned();
        server
    }

    /// Reads the log up to a line that holds the words, and returns it.
    fn said(&mut self, words: &str) -> String {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert_ne!(self.log.read_line(&mut line).unwrap(), 0, "the log ended without {words:?}");
        }
        line
    }

    fn hang_up(&self) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGHUP).unwrap();
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.url.trim_start_matches("https://")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// `baton ARGS…` in the server's home, trusting a file of it.
    async fn run(&self, args: &[&str], ca_cert: Option<&str>) -> Output {
        let mut command = clean_command(BATON, self.home.path());
        command.current_dir(self.home.path()).args(args).kill_on_drop(true);
        command.envs(ca_cert.map(|file| ("BATON_CA_CERT", file)));
        timeout(PATIENCE, command.output()).await.expect("it ends").unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn the_command_line_talks_to_a_server_whose_certificate_it_is_given() {
    let server = Server::start();
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
    // The certificate is for `localhost`, the lock names 127.0.0.1: what counts is that it is this very certificate.
    let status = server.run(&["queue", "status", "--json"], Some("cert.pem")).await;
    assert_eq!(status.status.code(), Some(0), "{}", told(&status));
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["pending_directives"], 0);

    let unknown = server.run(&["queue", "status"], None).await;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(told(&unknown).contains("BATON_CA_CERT"), "{}", told(&unknown));
    let other = TempDir::new().unwrap();
    certify(other.path(), "localhost");
    let other = other.path().join("cert.pem").display().to_string();
    assert_eq!(server.run(&["queue", "status"], Some(&other)).await.status.code(), Some(1));
    for (file, words) in [("nowhere.pem", "nowhere.pem"), ("key.pem", "there is none in it")] {
        let refused = server.run(&["queue", "status"], Some(file)).await;
        assert_eq!(refused.status.code(), Some(78));
        assert!(told(&refused).contains(words), "{}", told(&refused));
    }
}

#[tokio::test]
async fn certificates_of_an_authority_are_held_to_their_names() {
    let server = Server::start();
    let (authority, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root_cert = root.self_signed(&authority).unwrap();
    let issuer = rcgen::Issuer::new(root, authority);
    fs::write(server.home.path().join("ca.pem"), root_cert.pem()).unwrap();
    fs::write(server.home.path().join("key.pem"), key.serialize_pem()).unwrap();
    for (name, code) in [("127.0.0.1", 0), ("baton.example", 1)] {
        let cert = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        fs::write(server.home.path().join("cert.pem"), cert.pem()).unwrap();
        server.hang_up();
        let answered = async {
            while server.run(&["queue", "status"], Some("cert.pem")).await.status.code() != Some(0) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, answered).await.expect("the new certificate is taken over");
        let status = server.run(&["queue", "status"], Some("ca.pem")).await;
        assert_eq!(status.status.code(), Some(code), "{name}: {}", told(&status));
    }
}

#[tokio::test]
async fn the_other_commands_and_mcp_on_stdio_speak_it_too() {
    let server = Server::start();
    let added = server.run(&["directive", "add", "Say hello"], Some("cert.pem")).await;
    assert_eq!(added.status.code(), Some(0), "{}", told(&added));
    let mut command = clean_command(BATON, server.home.path());
    command.current_dir(server.home.path()).arg("mcp").env("BATON_CA_CERT", "cert.pem").kill_on_drop(true);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}});
    let mut stdin = child.stdin.take().unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stdin, format!("{hello}\n").as_bytes()).await.unwrap();
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(child.stdout.take().unwrap()));
    let answer = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["result"]["serverInfo"]["name"], "baton", "{answer}");
}

#[tokio::test]
async fn handshakes_that_fail_or_never_come_disturb_nobody() {
    let mut server = Server::start();
    let silent: Vec<TcpStream> = (0..50).map(|_| server.connect()).collect();
    let mut plain = server.connect();
    plain.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "no answer in clear: {}", String::from_utf8_lossy(&answer));
    server.connect().write_all(&[0x16, 3, 1, 0xff, 0xff, 0, 0]).unwrap();
    assert_eq!(server.run(&["queue", "status"], Some("cert.pem")).await.status.code(), Some(0));
    // Those that still shake hands do not hold up the end.
    kill(Pid::from_raw(server.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    let (ended, told) = tokio::sync::oneshot::channel();
    let mut child = std::mem::replace(&mut server.child, std::process::Command::new("true").spawn().unwrap());
    std::thread::spawn(move || ended.send(child.wait()));
    let status = timeout(Duration::from_secs(8), told).await.expect("it ends before any handshake times out");
    assert_eq!(status.unwrap().unwrap().code(), Some(0));
    drop(silent);
}

#[tokio::test]
async fn a_bad_certificate_on_reload_changes_nothing() {
    let mut server = Server::start();
    fs::copy(server.home.path().join("cert.pem"), server.home.path().join("old.pem")).unwrap();
    fs::write(server.home.path().join("cert.pem"), "no certificate").unwrap();
    server.hang_up();
    server.said("the certificate stays as it is");
    assert_eq!(server.run(&["queue", "status"], Some("old.pem")).await.status.code(), Some(0));
    certify(server.home.path(), "localhost");
    server.hang_up();
    server.said("the certificate was read again");
    assert_eq!(server.run(&["queue", "status"], Some("cert.pem")).await.status.code(), Some(0));
    assert_eq!(server.run(&["queue", "status"], Some("old.pem")).await.status.code(), Some(1));
}

#[tokio::test]
async fn what_cannot_be_used_is_said_before_anything_is_made() {
    let home = TempDir::new().unwrap();
    certify(home.path(), "localhost");
    let other = TempDir::new().unwrap();
    certify(other.path(), "localhost");
    fs::copy(other.path().join("key.pem"), home.path().join("other.pem")).unwrap();
    fs::write(home.path().join("empty.pem"), "").unwrap();
    fs::write(home.path().join("torn.pem"), "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n").unwrap();
    let mut all = String::new();
    for (cert, key) in [
        ("nowhere.pem", "key.pem"),
        ("cert.pem", "nowhere.pem"),
        ("empty.pem", "key.pem"),
        ("torn.pem", "key.pem"),
        ("cert.pem", "cert.pem"),
        ("key.pem", "key.pem"),
        ("cert.pem", "other.pem"),
    ] {
        let config = format!("[server]\nbind = \"127.0.0.1:0\"\ntls_cert = \"{cert}\"\ntls_key = \"{key}\"\n");
        fs::write(home.path().join("baton.toml"), config).unwrap();
        let refused = crate::cli_serve::baton(home.path(), &["serve"]).await;
        assert_eq!(refused.status.code(), Some(78), "{cert} {key}: {}", told(&refused));
        all += &told(&refused);
    }
    assert!(!home.path().join(".local").exists());
    insta::assert_snapshot!(all);
}
