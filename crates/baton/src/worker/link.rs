//! The way to the server, over REST. The server may be started again, elsewhere and with another key, at any time: it
//! is looked for anew whenever it does not answer or no longer knows the token.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use baton_model::{PollAnswer, Report, Secret};
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, RETRY_AFTER},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::job::Job;
use crate::cli::{
    Globals,
    client::{self, Found, Problem, Trouble},
};

/// How long a poll waits for work.
const WAIT: Duration = Duration::from_secs(60);
/// How long an answer may take beyond that.
const CALL: Duration = Duration::from_secs(20);

/// Where the server is.
#[derive(Debug)]
pub enum Target {
    /// Where the command line or the data directory says.
    Named(Globals),
    /// This very process.
    Own {
        /// Its URL.
        url: String,
        /// The key of this machine's commands.
        key: Secret<String>,
        /// The certificate that it shows.
        certificate: Option<PathBuf>,
    },
}

/// The way there.
pub struct Link {
    target: Target,
    way: RwLock<Arc<Way>>,
}

struct Way {
    http: reqwest::Client,
    url: String,
    token: Option<Secret<String>>,
}

/// Who polls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Poller<'a> {
    pub(super) name: &'a str,
    pub(super) tags: &'a [String],
    /// How long what he takes is his without a further word.
    pub(super) lease: Duration,
}

impl Link {
    /// Finds the server. Whether it answers is not asked.
    ///
    /// # Errors
    /// [`Trouble::NoServer`], [`Trouble::BadUrl`].
    pub fn new(target: Target) -> Result<Self, Trouble> {
        let way = RwLock::new(Arc::new(target.way()?));
        Ok(Link { target, way })
    }

    /// Where the server is, as far as is known.
    pub(super) fn url(&self) -> String {
        self.way().url.clone()
    }

    /// Waits for a directive. The future may be dropped: the server takes back what nobody hears of.
    pub(super) async fn wait_for_work(&self, poller: Poller<'_>) -> Result<PollAnswer, Trouble> {
        self.poll(poller, WAIT, &json!({})).await
    }

    /// Reports. The answer may bring the next directive.
    pub(super) async fn report(&self, poller: Poller<'_>, report: &Report) -> Result<PollAnswer, Trouble> {
        let body = serde_json::to_value(report).map_err(|error| Trouble::Garbled { why: error.to_string() })?;
        self.poll(poller, Duration::ZERO, &body).await
    }

    async fn poll(&self, poller: Poller<'_>, wait: Duration, body: &Value) -> Result<PollAnswer, Trouble> {
        let mut query = vec![
            ("agent", poller.name.to_owned()),
            ("wait_seconds", wait.as_secs().to_string()),
            ("lease_seconds", poller.lease.as_secs_f64().to_string()),
        ];
        if !poller.tags.is_empty() {
            query.push(("tags", poller.tags.join(",")));
        }
        self.post("/api/directives/next", &query, body, wait + CALL).await
    }

    /// Keeps a directive for so long from now.
    pub(super) async fn extend(&self, job: &Job, lease: Duration) -> Result<(), Trouble> {
        let body = json!({ "lease_token": job.token, "seconds": lease.as_secs_f64(), "heartbeat": true });
        self.post::<Value>(&at(job, "extend"), &[], &body, CALL).await.map(drop)
    }

    /// Gives a directive back undone.
    pub(super) async fn release(&self, job: &Job, delay: Duration, reason: &str) -> Result<(), Trouble> {
        let body = json!({ "lease_token": job.token, "delay_seconds": delay.as_secs_f64(), "reason": reason });
        self.post::<Value>(&at(job, "release"), &[], &body, CALL).await.map(drop)
    }

    /// Adds a piece to the transcript, which begins at the byte `offset`. An empty one changes nothing, but is refused
    /// like any other when the lease has moved on.
    pub(super) async fn append(&self, job: &Job, offset: usize, text: &str) -> Result<(), Trouble> {
        let body = json!({ "lease_token": job.token, "offset": offset, "text": text });
        self.post::<Value>(&at(job, "transcript"), &[], &body, CALL).await.map(drop)
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
        body: &Value,
        limit: Duration,
    ) -> Result<T, Trouble> {
        let way = self.way();
        let answer = way.post(path, query, body, limit).await;
        if let Err(trouble) = &answer
            && may_have_moved(trouble)
            && let Ok(found) = self.target.way()
        {
            *self.way.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
        }
        answer
    }

    fn way(&self) -> Arc<Way> {
        self.way.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether trying again may help. A token that the server does not know may be one of its life before, where it is
    /// the server of a data directory.
    pub(super) fn is_passing(&self, trouble: &Trouble) -> bool {
        match trouble {
            Trouble::Refused(problem) if problem.status == StatusCode::UNAUTHORIZED => match &self.target {
                Target::Named(globals) => globals.url.is_none() && client::token().is_none(),
                Target::Own { .. } => false,
            },
            Trouble::Refused(problem) if problem.status.is_server_error() => true,
            // What answers while a server is replaced may be a proxy, or nobody.
            Trouble::Garbled { .. } => true,
            other => client::is_passing(other),
        }
    }
}

impl Way {
    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
        body: &Value,
        limit: Duration,
    ) -> Result<T, Trouble> {
        let mut request = self.http.post(format!("{}{path}", self.url)).query(query).json(body).timeout(limit);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        let response = request.send().await.map_err(|error| match error.is_connect() {
            true => Trouble::Unreachable { url: self.url.clone(), why: client::cause(&error) },
            false => client::broken(&self.url, &error),
        })?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let text = response.text().await.map_err(|error| client::broken(&self.url, &error))?;
        if !status.is_success() {
            return Err(Trouble::Refused(Box::new(Problem::read(status, &text, retry_after))));
        }
        serde_json::from_str(&text).map_err(|error| Trouble::Garbled { why: error.to_string() })
    }
}

impl Target {
    fn way(&self) -> Result<Way, Trouble> {
        match self {
            Target::Named(globals) => {
                let Found { url, token } = client::locate(globals)?;
                Ok(Way { http: client::http(&url)?, url, token })
            }
            Target::Own { url, key, certificate } => {
                let http = match certificate {
                    Some(file) => client::http_trusting(url, Some(file))?,
                    None => client::http(url)?,
                };
                Ok(Way { http, url: url.clone(), token: Some(key.clone()) })
            }
        }
    }
}

/// Whether the server may be found elsewhere, or with another key.
fn may_have_moved(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Unreachable { .. } | Trouble::Broken { .. } => true,
        Trouble::Refused(problem) => problem.status == StatusCode::UNAUTHORIZED,
        _ => false,
    }
}

fn at(job: &Job, what: &str) -> String {
    format!("/api/directives/{}/{what}", client::segment(&job.id))
}
