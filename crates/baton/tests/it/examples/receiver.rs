//! The receivers believe what Baton signed, lately, and take it once.

use baton_testkit::http;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::{
    place::Place,
    program::{Language, Running, Runtime},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const BODY: &str = r#"{"event":"directive_completed","directive_id":"1","directive":"x","success":true,"result":"y"}"#;

/// A receiver that listens.
pub struct Receiver {
    pub url: String,
    running: Running,
}

impl Receiver {
    pub async fn of(mut running: Running) -> Self {
        let url = running.json().await["listening"].as_str().unwrap().to_owned();
        Receiver { url, running }
    }

    /// The next message that it took.
    pub async fn message(&mut self) -> Value {
        self.running.json().await
    }

    /// Posts what somebody else made up: the status of the answer.
    async fn post(&self, headers: HeaderMap, body: &str) -> u16 {
        let request = http::client().post(&self.url).headers(headers).body(body.to_owned());
        request.send().await.unwrap().status().as_u16()
    }
}

#[expect(clippy::disallowed_methods, reason = "the receivers go by the clock of the machine")]
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// The signature of a message.
fn sign(secret: &str, id: &str, at: i64) -> String {
    Webhook::new(secret).unwrap().sign(id, at, BODY.as_bytes()).unwrap()
}

fn headers(id: &str, at: &str, signature: &str) -> HeaderMap {
    let all = [("webhook-id", id), ("webhook-timestamp", at), ("webhook-signature", signature)];
    all.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

async fn believes_only_baton(language: Language) {
    let runtime = Runtime::of(language).await;
    let secrets = format!("{OTHER} {SECRET}");
    let program = runtime.program("receive_webhooks", &["0"]).env("BATON_WEBHOOK_SECRET", &secrets);
    let mut receiver = Receiver::of(program.start()).await;
    let at = now();
    let (when, good) = (at.to_string(), sign(SECRET, "m", at));

    let unknown = "whsec_bm90IHRoZSBzZWNyZXQgdGhhdCBzaWducw==";
    let elsewhere =
        [("m", when.as_str(), sign(unknown, "m", at), "another secret"), ("n", &when, good.clone(), "another id")];
    let (stale, early) = (at - 301, at + 330);
    let late = [(stale, "too old"), (early, "too new")].map(|(at, why)| (at.to_string(), sign(SECRET, "m", at), why));
    let (as_v2, no_base64) = (good.replace("v1,", "v2,"), "v1,not base64 é".to_owned());
    let beyond = "9".repeat(5000);
    let mut cases: Vec<(&str, &str, String, &str)> = elsewhere.into();
    cases.extend(late.iter().map(|(at, signature, why)| ("m", at.as_str(), signature.clone(), *why)));
    cases.extend([
        ("m", when.as_str(), as_v2, "another scheme"),
        ("m", &when, no_base64, "no base64"),
        ("m", &when, "v1,".to_owned(), "an empty signature"),
        ("m", &when, "v1".to_owned(), "no signature at all"),
        ("m", "soon", good.clone(), "no timestamp"),
        ("m", &beyond, good.clone(), "a timestamp beyond all numbers"),
    ]);
    for (id, at, signature, why) in cases {
        let mut forged = headers(id, at, "");
        forged.insert("webhook-signature", reqwest::header::HeaderValue::from_bytes(signature.as_bytes()).unwrap());
        assert_eq!(receiver.post(forged, BODY).await, 401, "{why}");
    }
    let tampered = BODY.replace("true", "false");
    assert_eq!(receiver.post(headers("m", &when, &good), &tampered).await, 401, "another body");
    assert_eq!(receiver.post(HeaderMap::new(), BODY).await, 401, "no headers");

    // None of those was taken, and none of their ids is remembered.
    for (id, at, signatures) in [
        ("m", at, good.clone()),
        ("m2", at, sign(OTHER, "m2", at)),
        ("m3", at - 200, format!("{} v1a,xyz {}", sign(unknown, "m3", at - 200), sign(SECRET, "m3", at - 200))),
    ] {
        assert_eq!(receiver.post(headers(id, &at.to_string(), &signatures), BODY).await, 204, "{id}");
        assert_eq!(receiver.message().await["webhook_id"], id);
    }
    // The same message again, as it stood and signed anew.
    assert_eq!(receiver.post(headers("m", &when, &good), BODY).await, 204);
    assert_eq!(receiver.post(headers("m", &(at + 1).to_string(), &sign(SECRET, "m", at + 1)), BODY).await, 204);
    assert_eq!(receiver.post(headers("m4", &when, &sign(SECRET, "m4", at)), BODY).await, 204);
    assert_eq!(receiver.message().await["webhook_id"], "m4", "the repeats are not taken again");

    let wrong_place = Receiver { url: receiver.url.replace("/webhooks/baton", "/"), ..receiver };
    assert_eq!(wrong_place.post(headers("m5", &when, &sign(SECRET, "m5", at)), BODY).await, 404);
    let url = wrong_place.url.clone() + "webhooks/baton";
    let receiver = Receiver { url, ..wrong_place };
    let huge = "x".repeat(16 * 1024 * 1024 + 1);
    // It may hang up while the rest is still on its way.
    let answer = http::client().post(&receiver.url).headers(headers("m6", &when, &good)).body(huge).send().await;
    assert!(answer.is_err() || answer.unwrap().status() == 413, "too long");
    assert_eq!(receiver.running.stop().await, Vec::<String>::new(), "nothing else was taken");
}

#[tokio::test]
async fn python_believes_only_baton() {
    believes_only_baton(Language::Python).await;
}

#[tokio::test]
async fn typescript_believes_only_baton() {
    believes_only_baton(Language::TypeScript).await;
}

/// With a new secret beside the old one, receivers that know either still take what Baton sends.
async fn outlives_a_rotation(language: Language) {
    let place = Place::new(language).await;
    let old = place.secret().await;
    place.rotate().await;
    let both = place.secret().await;
    let (new, rest) = both.split_once(' ').unwrap();
    assert_eq!(rest, old);
    for secret in [new, &old, &both] {
        let mut receiver = place.receiver(secret).await;
        let id = place.send(&receiver.url).await;
        let poll = place.poll().await;
        place.report(&poll, json!({"success": true, "result": "flat"})).await;
        assert_eq!(receiver.message().await["directive_id"], id);
    }
}

#[tokio::test]
async fn python_outlives_a_rotation() {
    outlives_a_rotation(Language::Python).await;
}

#[tokio::test]
async fn typescript_outlives_a_rotation() {
    outlives_a_rotation(Language::TypeScript).await;
}
