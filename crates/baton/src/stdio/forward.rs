//! One message to the server, and what it answers to stdout.

mod reopen;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use reqwest::{Method, Response, StatusCode};
use tokio::{
    sync::{OwnedRwLockWriteGuard, RwLock, mpsc},
    time::{sleep, timeout},
};

use super::{
    answers::Answers,
    headers,
    message::{Message, Reply},
    server::{Live, PAUSE, Server, Way},
    session::Open,
};
use crate::{
    cli::client::{Trouble, broken, cause, is_passing},
    failure::{Failure, Result},
};

/// JSON-RPC: the server did not get to answer (of the range that implementations may use).
const SERVER_ERROR: i64 = -32000;
/// How often a message that was not taken is tried again; with the pauses longer than a server may take to stop.
const TRIES: u32 = 60;
/// How often a stream that broke is taken up again without a message in between.
const RESUMES: u32 = 5;
/// How long the server may take to acknowledge what needs no answer.
const SOON: Duration = Duration::from_secs(5);
/// How long to wait at most before a broken subscription is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// A session while it is being opened.
pub type Opening = OwnedRwLockWriteGuard<Option<Arc<Open>>>;

/// Passes messages on.
pub struct Forwarder {
    server: Arc<Server>,
    session: Arc<RwLock<Option<Arc<Open>>>>,
    out: mpsc::Sender<String>,
    reached: AtomicBool,
    last_trouble: Mutex<Option<String>>,
}

impl Forwarder {
    /// Nothing is looked for before the first message.
    pub fn new(way: Way, out: mpsc::Sender<String>) -> Self {
        Forwarder {
            server: Arc::new(Server::new(way)),
            session: Arc::default(),
            out,
            reached: AtomicBool::new(false),
            last_trouble: Mutex::default(),
        }
    }

    /// Holds back every message that belongs to a session until this is dropped. None if another `initialize` is under
    /// way and does not come to an end.
    pub async fn opening(&self) -> Option<Opening> {
        timeout(SOON, Arc::clone(&self.session).write_owned()).await.ok()
    }

    /// Passes a request on and every message that it is answered with. If there is no answer, that is the answer,
    /// unless the request was called off.
    pub async fn ask(&self, message: Message, opening: Option<Opening>, called_off: &AtomicBool) {
        let asked = match opening {
            Some(opening) => self.open(&message, opening).await,
            None => self.exchange(&message).await,
        };
        if let Err(trouble) = asked
            && !called_off.load(Ordering::Relaxed)
        {
            self.say(message.error_line(SERVER_ERROR, &self.words(&trouble))).await;
        }
    }

    /// Passes a notification or a response on. There is nobody to tell if that fails.
    pub async fn tell(&self, message: Message) {
        let told = async {
            let session = self.session.read().await.clone().filter(|_| message.modern_version().is_none());
            if let Err(trouble) = self.place(&message, session.as_deref()).await {
                self.words(&trouble);
            }
            session
        };
        // Whoever waits for more than this would hold up every message behind it.
        if let Ok(Some(session)) = timeout(SOON, told).await
            && message.method() == Some("notifications/initialized")
        {
            session.ready(message);
            self.hear(&session);
        }
    }

    /// Ends the session, if there is one and the server is still there.
    pub async fn close(&self) {
        let Some(session) = self.session.write().await.take().filter(|session| session.has_id()) else { return };
        let end = async {
            if let Some(server) = self.server.look().await {
                // The server forgets sessions by itself, too.
                let _ = server.call(Method::DELETE, session.headers().collect()).send().await;
            }
        };
        let _ = timeout(Duration::from_secs(1), end).await;
    }

    /// How the run went: it failed if there was something to forward and the server was never reached.
    pub fn verdict(&self) -> Result {
        let trouble = self.last_trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
        match trouble {
            Some(trouble) if !self.reached.load(Ordering::Relaxed) => {
                Err(Failure::failed("no message could be forwarded").because(trouble))
            }
            _ => Ok(()),
        }
    }

    /// A request and its answers.
    async fn exchange(&self, message: &Message) -> Result<(), Trouble> {
        let (mut server, response) = self.deliver(message).await?;
        let session = self.session.read().await.clone().filter(|_| message.modern_version().is_none());
        let subscribes = message.method() == Some("subscriptions/listen");
        let mut answers = Answers::of(response).await?;
        let mut resumes = 0;
        let mut heard = false;
        loop {
            let end = match answers.next().await {
                Ok(Some(reply)) => {
                    resumes = 0;
                    // Of a subscription that was taken up again the client knows already.
                    let repeated = heard && reply.method() == Some("notifications/subscriptions/acknowledged");
                    heard |= subscribes;
                    if !repeated && self.pass(reply, message).await {
                        return Ok(());
                    }
                    continue;
                }
                Ok(None) => Trouble::Garbled { why: format!("it ended without an answer, at {}", server.url) },
                Err(trouble) => trouble,
            };
            resumes += 1;
            if subscribes && heard {
                (server, answers) = self.subscribe_again(message).await;
                continue;
            }
            let resume = session.as_ref().zip(answers.resume_at()).filter(|_| resumes <= RESUMES);
            let Some((session, (last, wait))) = resume else { return Err(end) };
            sleep(wait).await;
            let response = server.listen(session.headers().collect(), Some(&last)).send().await;
            match response {
                Ok(response) if response.status().is_success() => answers = Answers::of(response).await?,
                _ => return Err(end),
            }
        }
    }

    /// Hands a request over: to a server that is there or was started for it, in a session that the server knows.
    async fn deliver(&self, message: &Message) -> Result<(Arc<Live>, Response), Trouble> {
        let mut reopened = false;
        loop {
            let session = self.session.read().await.clone().filter(|_| message.modern_version().is_none());
            let (server, response) = self.place(message, session.as_deref()).await?;
            match session {
                Some(session) if response.status() == StatusCode::NOT_FOUND && session.has_id() && !reopened => {
                    reopened = true;
                    self.reopen(&session).await?;
                }
                _ => return Ok((server, response)),
            }
        }
    }

    /// Sends a message until a server takes it. What may have been taken is never sent again.
    async fn place(&self, message: &Message, session: Option<&Open>) -> Result<(Arc<Live>, Response), Trouble> {
        let mut tries = 0;
        loop {
            let server = self.server.get().await?;
            let call = server.call(Method::POST, headers::of(message, session)).body(message.text());
            let trouble = match call.send().await {
                Ok(response) if response.status() == StatusCode::SERVICE_UNAVAILABLE => {
                    match Answers::of(response).await {
                        Ok(_) => return Err(Trouble::Garbled { why: "503 with a message".to_owned() }),
                        Err(trouble) => trouble,
                    }
                }
                Ok(response) => {
                    self.reached.store(true, Ordering::Relaxed);
                    return Ok((server, response));
                }
                Err(error) if error.is_connect() => {
                    Trouble::Unreachable { url: server.url.to_string(), why: cause(&error) }
                }
                Err(error) => return Err(broken(server.url.as_str(), &error)),
            };
            tries += 1;
            if !is_passing(&trouble) || tries > TRIES || !self.server.lost(&server, &trouble).await {
                return Err(trouble);
            }
        }
    }

    /// Takes up a subscription that broke. It never starts a server: who stopped it meant it.
    async fn subscribe_again(&self, message: &Message) -> (Arc<Live>, Answers) {
        let mut pause = PAUSE;
        loop {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let Some(server) = self.server.look().await else { continue };
            match server.call(Method::POST, headers::of(message, None)).body(message.text()).send().await {
                Ok(response) => match Answers::of(response).await {
                    Ok(answers) => return (server, answers),
                    Err(trouble) => {
                        self.words(&trouble);
                    }
                },
                Err(error) => {
                    let trouble = Trouble::Unreachable { url: server.url.to_string(), why: cause(&error) };
                    self.server.lost(&server, &trouble).await;
                }
            }
        }
    }

    /// Writes a message; says whether it was the answer that was waited for.
    async fn pass(&self, mut reply: Reply, asked: &Message) -> bool {
        if reply.is_for_nobody() {
            reply.give_to(asked.id());
        }
        let is_answer = reply.answers(asked.id());
        self.say(reply.line).await;
        is_answer
    }

    async fn say(&self, line: String) {
        // If nobody reads any more the run is over.
        let _ = self.out.send(line).await;
    }

    /// What went wrong and what to do, in one line; also told on stderr, once.
    fn words(&self, trouble: &Trouble) -> String {
        let words = match trouble.next() {
            Some(next) => format!("{trouble}; {next}"),
            None => trouble.to_string(),
        };
        let words = words.lines().map(str::trim).collect::<Vec<_>>().join("; ");
        let mut last = self.last_trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref() != Some(&words) {
            eprintln!("baton mcp: {words}");
            *last = Some(words.clone());
        }
        words
    }
}
