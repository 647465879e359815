//! One attempt: signing, calling, and judging what came of it.

use std::time::Duration;

use baton_model::{
    Millis,
    webhook::{DeliveryState, backoff},
};
use baton_outbound::{Answer, Call, Error as CallError};
use baton_store::{
    delivery::{Message, Outcome},
    webhook::Endpoint,
};
use http::{HeaderName, HeaderValue, StatusCode};

use super::lane::Sign;
use crate::{Error, Inner, Result};

/// How long an endpoint may have all its messages wait: an hour. A longer `Retry-After` holds for its message alone.
const LONGEST_REST: Millis = 3_600_000;

/// What came of an attempt.
pub(super) struct Tried {
    /// For the table.
    pub outcome: Outcome,
    /// For the lane.
    pub sign: Sign,
    /// The endpoint said that it is gone for good.
    pub gone: bool,
}

impl Inner {
    /// Calls the endpoint once. Whatever goes wrong is an outcome, too.
    pub(super) async fn attempt(&self, message: &Message, endpoint: &Endpoint) -> Tried {
        let (at, steady) = (self.clock.now(), self.clock.steady());
        let settings = self.outbox.settings();
        let called = match self.signed(message, endpoint, settings.timeout, at) {
            Ok(call) => self.outbox.outbound.send(call).await.map_err(Fault::Call),
            Err(error) => Err(Fault::Signing(error)),
        };
        let (now, took) = (self.clock.now(), self.clock.steady() - steady);
        let give_up_at = message.delivery.opened_at.saturating_add(millis(settings.give_up_after));
        let mut tried = self.judge(message, endpoint, called, now, give_up_at);
        (tried.outcome.at, tried.outcome.millis) = (at, took);
        let label = match tried.outcome.state {
            DeliveryState::Delivered => "delivered",
            DeliveryState::Pending => "failed",
            DeliveryState::Dead => "dead",
        };
        metrics::counter!("baton_webhook_attempts_total", "outcome" => label).increment(1);
        tried
    }

    /// The call with the headers of Standard Webhooks 1.0: the id is the same in each attempt, the time is the
    /// attempt's, and every secret of the endpoint signs.
    fn signed(&self, message: &Message, endpoint: &Endpoint, timeout: Duration, at: Millis) -> Result<Call> {
        let id = &message.delivery.id;
        let signature = self.open_secrets(endpoint)?.sign(id, at, &message.body)?;
        let mut call = Call::post_json(&message.delivery.url, message.body.clone()).timeout(timeout);
        let timestamp = (at / 1000).to_string();
        for (name, value) in [("webhook-id", id), ("webhook-timestamp", &timestamp), ("webhook-signature", &signature)]
        {
            let value = HeaderValue::from_str(value).map_err(|error| Error::Unavailable(error.to_string()))?;
            call = call.header(HeaderName::from_static(name), value);
        }
        Ok(call)
    }

    fn judge(
        &self,
        message: &Message,
        endpoint: &Endpoint,
        called: Result<Answer, Fault>,
        now: Millis,
        give_up_at: Millis,
    ) -> Tried {
        let gone = matches!(&called, Ok(answer) if answer.status == StatusCode::GONE);
        // A URL in a directive is no endpoint that could be switched on again.
        let (is_hopeless, gone) = (gone && endpoint.url.is_empty(), gone && !endpoint.url.is_empty());
        let is_hopeless = is_hopeless || matches!(&called, Err(Fault::Call(CallError::Invalid(_))));
        let mut tried = Tried { outcome: outcome(message), sign: sign(&called, now), gone };
        let outcome = &mut tried.outcome;
        let mut not_before = 0;
        match called {
            Ok(answer) => {
                outcome.status = Some(i64::from(answer.status.as_u16()));
                // PostgreSQL's texts hold no NUL.
                outcome.answer = Some(answer.text().replace('\0', "\u{fffd}"));
                if answer.status.is_success() {
                    outcome.state = DeliveryState::Delivered;
                } else {
                    outcome.error = Some(said(answer.status));
                    not_before = answer.retry_after(now).unwrap_or(0);
                }
            }
            Err(fault) => outcome.error = Some(fault.to_string()),
        }
        if outcome.state == DeliveryState::Pending && (is_hopeless || now >= give_up_at) {
            outcome.state = DeliveryState::Dead;
        }
        // The last attempt is made when the time is up, however long the endpoint wants to rest.
        let pause = backoff(message.tries + 1, self.chance()).max(not_before);
        outcome.next_at = now.saturating_add(pause).min(give_up_at.max(now));
        tried
    }

    /// A number from 0 to 1.
    pub(super) fn chance(&self) -> f64 {
        let mut bytes = [0; 2];
        self.rng.fill(&mut bytes);
        f64::from(u16::from_le_bytes(bytes)) / f64::from(u16::MAX)
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Call(CallError),
    #[error("it cannot be signed: {0}")]
    Signing(Error),
}

fn outcome(message: &Message) -> Outcome {
    Outcome {
        id: message.delivery.id.clone(),
        at: 0,
        millis: 0,
        status: None,
        error: None,
        answer: None,
        state: DeliveryState::Pending,
        next_at: 0,
    }
}

/// What a call tells of the endpoint, whatever it means for the message.
fn sign(called: &Result<Answer, Fault>, now: Millis) -> Sign {
    const BUSY: [StatusCode; 2] = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
    let Ok(answer) = called else { return Sign::Trouble };
    match answer.retry_after(now) {
        Some(rest) if BUSY.contains(&answer.status) => Sign::Rest(rest.min(LONGEST_REST)),
        _ if answer.status.is_server_error() => Sign::Trouble,
        _ if matches!(answer.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT) => Sign::Trouble,
        _ => Sign::Alive,
    }
}

fn said(status: StatusCode) -> String {
    let more = if status.is_redirection() { "; redirects are not followed: change the URL" } else { "" };
    format!("it answered {status}{more}")
}

pub(super) fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX / 4)
}
