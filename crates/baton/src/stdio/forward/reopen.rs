//! Sessions of old: opened by the client, heard, and opened again when the server has forgotten them.

use std::sync::Arc;

use reqwest::{Response, StatusCode};
use tokio::time::sleep;

use super::{Forwarder, LONGEST_PAUSE, Opening};
use crate::{
    cli::client::Trouble,
    failure::Result,
    stdio::{answers::Answers, headers::SESSION, message::Message, server::PAUSE, session::Open},
};

impl Forwarder {
    /// Passes `initialize` on; the session stands before the client hears of it.
    pub(super) async fn open(&self, message: &Message, mut opening: Opening) -> Result<(), Trouble> {
        *opening = None;
        let (server, response) = self.place(message, None).await?;
        let id = response.headers().get(SESSION).cloned();
        let mut answers = Answers::of(response).await?;
        while let Some(reply) = answers.next().await? {
            if reply.answers(message.id())
                && let Some(version) = reply.agreed_version()
            {
                *opening = Some(Arc::new(Open::new(id.clone(), Some(version), message.clone())));
            }
            if self.pass(reply, message).await {
                return Ok(());
            }
        }
        Err(Trouble::Garbled { why: format!("it ended without an answer, at {}", server.url) })
    }

    /// Opens a session that the server has forgotten again, as the client opened it. The client does not notice.
    pub(super) async fn reopen(&self, forgotten: &Arc<Open>) -> Result<(), Trouble> {
        let mut session = self.session.write().await;
        if session.as_ref().is_none_or(|session| !Arc::ptr_eq(session, forgotten)) {
            return Ok(());
        }
        let (_, response) = self.place(&forgotten.initialize, None).await?;
        let id = response.headers().get(SESSION).cloned();
        let version = agreed(response, &forgotten.initialize).await?;
        let open = Arc::new(Open::new(id, Some(version), forgotten.initialize.clone()));
        if let Some(initialized) = forgotten.initialized() {
            self.place(&initialized, Some(&open)).await?;
            open.ready(initialized);
            self.hear(&open);
        }
        *session = Some(open);
        Ok(())
    }

    /// Passes on what the server says by itself, as long as the session lasts and the server offers it.
    pub(super) fn hear(&self, session: &Arc<Open>) {
        let (server, out) = (Arc::clone(&self.server), self.out.clone());
        let headers: reqwest::header::HeaderMap = session.headers().collect();
        let task = tokio::spawn(async move {
            let mut last: Option<String> = None;
            let mut pause = PAUSE;
            loop {
                let stream = match server.look().await {
                    Some(server) => server.listen(headers.clone(), last.as_deref()).send().await.ok(),
                    None => None,
                };
                match stream {
                    Some(response) if response.status().is_success() => {
                        let Ok(mut answers) = Answers::of(response).await else { return };
                        while let Ok(Some(reply)) = answers.next().await {
                            pause = PAUSE;
                            if out.send(reply.line).await.is_err() {
                                return;
                            }
                        }
                        last = answers.resume_at().map(|(last, _)| last).or(last);
                    }
                    Some(response) if is_final(response.status()) => return,
                    _ => {}
                }
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        });
        session.listens(task.abort_handle());
    }
}

/// Whether asking again cannot help: the server offers no stream, or has forgotten the session.
fn is_final(status: StatusCode) -> bool {
    status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS
}

/// The revision that an answer to `initialize` agrees to.
async fn agreed(response: Response, initialize: &Message) -> Result<String, Trouble> {
    let mut answers = Answers::of(response).await?;
    while let Some(reply) = answers.next().await? {
        if reply.answers(initialize.id()) {
            return reply.agreed_version().ok_or_else(|| Trouble::Garbled {
                why: format!("the session cannot be opened again: {}", reply.line),
            });
        }
    }
    Err(Trouble::Garbled { why: "`initialize` was not answered".to_owned() })
}
