//! Which server messages go to: the one that was named, or the one of the data directory, started if need be.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use baton_model::Secret;
use reqwest::{
    Method, RequestBuilder,
    header::{HeaderMap, HeaderValue},
};
use tokio::{sync::Mutex, time::sleep};

use super::{headers, start};
use crate::{
    cli::{
        Globals,
        client::{self, Trouble},
    },
    data_dir,
    failure::{Failure, Result},
};

/// How long to wait before a server that is going or coming is tried again.
pub const PAUSE: Duration = Duration::from_millis(200);

/// How the server is found.
pub enum Way {
    /// By this URL; nobody but its owner starts it.
    Named(String),
    /// By the lock of this data directory.
    Here {
        /// The directory.
        dir: PathBuf,
        /// Settings for a server that has to be started.
        config: Option<PathBuf>,
    },
}

impl Way {
    /// What the command line says.
    ///
    /// # Errors
    /// When nothing says where the data directory is.
    pub fn of(globals: &Globals) -> Result<Self> {
        if let Some(url) = &globals.url {
            return Ok(Way::Named(url.clone()));
        }
        // A server that is started works elsewhere, so that relative paths would lead it astray.
        let absolute = |path: &Path| {
            std::path::absolute(path)
                .map_err(|error| Failure::failed(format!("cannot find {}", path.display())).because(error))
        };
        Ok(Way::Here {
            dir: absolute(&data_dir::locate(globals.data_dir.as_deref())?)?,
            config: globals.config.as_deref().map(absolute).transpose()?,
        })
    }
}

/// A server that was found.
pub struct Live {
    /// Its MCP endpoint.
    pub url: reqwest::Url,
    http: reqwest::Client,
    common: HeaderMap,
}

impl Live {
    fn new(url: &str, token: Option<&Secret<String>>) -> Result<Self, Trouble> {
        let http = client::http(url)?;
        let mut endpoint = reqwest::Url::parse(url)
            .map_err(|error| Trouble::BadUrl { url: url.to_owned(), why: error.to_string() })?;
        if endpoint.path() == "/" {
            endpoint.set_path("/mcp");
        }
        Ok(Live { url: endpoint, http, common: headers::common(token.map(|token| token.expose().as_str())) })
    }

    /// A call, with what every call carries. No time limit: a poll may wait for minutes.
    pub fn call(&self, method: Method, headers: HeaderMap) -> RequestBuilder {
        self.http.request(method, self.url.clone()).headers(self.common.clone()).headers(headers)
    }

    /// Takes up a stream of a session: what came after the event `last`, or what the server says by itself.
    pub fn listen(&self, mut headers: HeaderMap, last: Option<&str>) -> RequestBuilder {
        if let Some(last) = last.and_then(|last| HeaderValue::from_str(last).ok()) {
            headers.insert("last-event-id", last);
        }
        self.call(Method::GET, headers)
    }
}

/// The server of this run; it may go away and come back elsewhere.
pub struct Server {
    way: Way,
    live: Mutex<Option<Arc<Live>>>,
}

impl Server {
    /// Nothing is looked for yet.
    pub fn new(way: Way) -> Self {
        Server { way, live: Mutex::new(None) }
    }

    /// The server; looked for, and started if that is our business. Callers at the same time wait for each other.
    ///
    /// # Errors
    /// When there is none and none can be started.
    pub async fn get(&self) -> Result<Arc<Live>, Trouble> {
        let mut live = self.live.lock().await;
        if let Some(live) = &*live {
            return Ok(Arc::clone(live));
        }
        let (url, token) = match &self.way {
            Way::Named(url) => (url.clone(), client::token().map(Secret::new)),
            Way::Here { dir, config } => {
                let running = start::find_or_start(dir, config.as_deref()).await.map_err(Trouble::Failed)?;
                (running.url, client::token().map(Secret::new).or(Some(running.key)))
            }
        };
        let found = Arc::new(Live::new(&url, token.as_ref())?);
        *live = Some(Arc::clone(&found));
        Ok(found)
    }

    /// The server, if it runs; never starts one.
    pub async fn look(&self) -> Option<Arc<Live>> {
        let running = match &self.way {
            Way::Named(_) => true,
            Way::Here { dir, .. } => data_dir::running(dir).is_some(),
        };
        if running { self.get().await.ok() } else { None }
    }

    /// Forgets a server that did not take a message, after a pause, so that it is looked for anew. Says whether another
    /// try makes sense: the server of a URL that does not answer at all is not ours to wait for.
    pub async fn lost(&self, server: &Arc<Live>, trouble: &Trouble) -> bool {
        if matches!((&self.way, trouble), (Way::Named(_), Trouble::Unreachable { .. })) {
            return false;
        }
        sleep(PAUSE).await;
        let mut live = self.live.lock().await;
        if live.as_ref().is_some_and(|live| Arc::ptr_eq(live, server)) {
            *live = None;
        }
        true
    }
}
