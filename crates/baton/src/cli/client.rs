//! The command line's way to the server: where it is, and REST with errors that a person can act on.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use baton_model::Secret;
use reqwest::{
    Method, StatusCode,
    header::{AUTHORIZATION, LINK, RETRY_AFTER},
};
use serde::{Serialize, de::DeserializeOwned};

use super::Globals;
use crate::{
    data_dir,
    failure::{Failure, Result},
};

mod events;
mod trouble;
mod trust;

pub use events::{EventStream, Frame};
pub use trouble::{Problem, Trouble};

/// How long to wait until a server takes a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an ordinary call may take.
const CALL: Duration = Duration::from_secs(60);

/// A server that was found.
pub struct Found {
    /// Its root: `http://127.0.0.1:8000`.
    pub url: String,
    /// What is shown to it as a token.
    pub token: Option<Secret<String>>,
}

/// Where the server is: the URL that was named, or the one that the server on the data directory announces; and the
/// token for it: `BATON_TOKEN`, or for the data directory's own server the key that it announces.
///
/// # Errors
/// [`Trouble::NoServer`] when no server runs on the data directory.
pub fn locate(globals: &Globals) -> Result<Found, Trouble> {
    let token = token().map(Secret::new);
    if let Some(url) = &globals.url {
        return Ok(Found { url: root_of(url).to_owned(), token });
    }
    let dir = data_dir::locate(globals.data_dir.as_deref()).map_err(Trouble::Failed)?;
    let running = data_dir::running(&dir).ok_or(Trouble::NoServer { dir })?;
    Ok(Found { url: root_of(&running.url).to_owned(), token: token.or(Some(running.key)) })
}

/// Where the server is.
///
/// # Errors
/// As [`locate`].
pub fn find(globals: &Globals) -> Result<String, Trouble> {
    Ok(locate(globals)?.url)
}

/// A server's URL without a slash or the MCP endpoint's path at its end, so that people may paste either.
pub fn root_of(url: &str) -> &str {
    let url = url.trim().trim_end_matches('/');
    url.strip_suffix("/mcp").unwrap_or(url)
}

/// An HTTP client for one server. Calls to this machine go round any proxy, and plain HTTP loads no certificates. Every
/// call has a connection of its own: one that was kept may turn out to be dead only when a request has gone out on it,
/// and then nobody knows whether it was carried out.
///
/// # Errors
/// [`Trouble::BadUrl`] when the text is no http(s) URL.
pub fn http(url: &str) -> Result<reqwest::Client, Trouble> {
    http_trusting(url, ca_cert().as_deref())
}

/// The same, where a file names the certificates that are trusted in the place of the system's.
///
/// # Errors
/// As [`http`], and when the file holds no certificate.
pub fn http_trusting(url: &str, certificates: Option<&Path>) -> Result<reqwest::Client, Trouble> {
    let bad = |why: &str| Trouble::BadUrl { url: url.to_owned(), why: why.to_owned() };
    let parsed = reqwest::Url::parse(url).map_err(|error| bad(&error.to_string()))?;
    // Fails only if one is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("baton/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .tcp_keepalive(Duration::from_secs(30))
        .pool_max_idle_per_host(0)
        .connect_timeout(CONNECT);
    match parsed.scheme() {
        "https" => {
            if let Some(file) = certificates {
                builder = builder.tls_backend_preconfigured(trust::only(file).map_err(Trouble::Failed)?);
            }
        }
        "http" => builder = builder.tls_certs_only([]),
        other => return Err(bad(&format!("it must begin with http:// or https://, not {other}:"))),
    }
    let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if loopback {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| bad(&cause(&error)))
}

/// The token that the environment holds for calls to the server.
pub fn token() -> Option<String> {
    std::env::var("BATON_TOKEN").ok().filter(|token| !token.trim().is_empty())
}

/// The file with the certificates that are trusted in the place of the system's: `BATON_CA_CERT`.
fn ca_cert() -> Option<PathBuf> {
    std::env::var_os("BATON_CA_CERT").filter(|file| !file.is_empty()).map(PathBuf::from)
}

/// The innermost reason of an error: the outer ones only repeat the URL.
pub fn cause(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// The trouble of a connection that broke after the request had gone out.
pub fn broken(url: &str, error: &reqwest::Error) -> Trouble {
    Trouble::Broken { url: url.to_owned(), why: cause(error) }
}

/// REST to one server.
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<Secret<String>>,
}

/// What the server said.
pub struct Answer {
    /// The JSON document as it came.
    pub text: String,
    /// The next page's path and query, if a `Link` header names one.
    pub next: Option<String>,
}

impl Answer {
    /// Reads the document.
    ///
    /// # Errors
    /// When it is not what this version of Baton expects.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Trouble> {
        serde_json::from_str(&self.text).map_err(|error| Trouble::Garbled { why: error.to_string() })
    }
}

impl Client {
    /// A client for the server that `globals` name or that runs on the data directory.
    ///
    /// # Errors
    /// When there is none, or the URL makes no sense.
    pub fn new(globals: &Globals) -> Result<Self, Trouble> {
        let Found { url, token } = locate(globals)?;
        Ok(Client { http: http(&url)?, url, token })
    }

    /// `GET` of a path, which may carry a query of its own.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Answer, Trouble> {
        self.send(self.request(Method::GET, path).query(query)).await
    }

    /// `POST` without a body.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub async fn post(&self, path: &str) -> Result<Answer, Trouble> {
        self.send(self.request(Method::POST, path)).await
    }

    /// `POST` of a JSON document.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub async fn post_json(&self, path: &str, body: &impl Serialize) -> Result<Answer, Trouble> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// `PATCH` with a JSON document.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub async fn patch_json(&self, path: &str, body: &impl Serialize) -> Result<Answer, Trouble> {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    /// `DELETE` of a path.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub async fn delete(&self, path: &str) -> Result<Answer, Trouble> {
        self.send(self.request(Method::DELETE, path)).await
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.unlimited(method, path).timeout(CALL)
    }

    /// A request whose answer may go on without end.
    fn unlimited(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, format!("Bearer {}", token.expose())),
            None => request,
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, Trouble> {
        self.read(self.begin(request).await?).await
    }

    /// Sends a request and reads the head of its answer.
    async fn begin(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, Trouble> {
        request.send().await.map_err(|error| match error.is_connect() {
            true => Trouble::Unreachable { url: self.url.clone(), why: cause(&error) },
            false => broken(&self.url, &error),
        })
    }

    /// Reads an answer to its end.
    async fn read(&self, response: reqwest::Response) -> Result<Answer, Trouble> {
        let status = response.status();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (link, retry_after) = (header(LINK), header(RETRY_AFTER));
        let text = response.text().await.map_err(|error| broken(&self.url, &error))?;
        if status.is_success() {
            return Ok(Answer { text, next: link.as_deref().and_then(next_page) });
        }
        Err(Trouble::Refused(Box::new(Problem::read(status, &text, retry_after))))
    }
}

/// One segment of a path: an id is an opaque string, whatever it holds.
pub fn segment(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The target of `rel="next"` in a `Link` header (RFC 8288), without scheme and host.
fn next_page(link: &str) -> Option<String> {
    link.split(',').find_map(|part| {
        let (target, parameters) = part.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|parameter| matches!(parameter.trim(), "rel=next" | "rel=\"next\""));
        let path = match target.split_once("://") {
            Some((_, rest)) => &rest[rest.find('/')?..],
            None => target,
        };
        is_next.then(|| path.to_owned())
    })
}

/// Whether trying again later may help: the server is away, stopping or busy.
pub fn is_passing(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::NoServer { .. } | Trouble::Unreachable { .. } | Trouble::Broken { .. } => true,
        Trouble::Refused(problem) => {
            matches!(problem.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
        }
        Trouble::BadUrl { .. } | Trouble::Garbled { .. } | Trouble::Failed(_) => false,
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        trouble.into_failure()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_be_named_by_its_root_or_its_mcp_endpoint() {
        for url in [
            "http://127.0.0.1:8000",
            "http://127.0.0.1:8000/",
            "http://127.0.0.1:8000/mcp",
            " http://127.0.0.1:8000/mcp/ ",
        ] {
            assert_eq!(root_of(url), "http://127.0.0.1:8000");
        }
    }

    #[test]
    fn ids_of_any_kind_stay_one_segment() {
        assert_eq!(segment("0192-ab"), "0192-ab");
        assert_eq!(segment("../a b?é"), "%2E%2E%2Fa%20b%3F%C3%A9");
    }

    #[test]
    fn the_next_page_is_read_from_the_link_header() {
        let link = r#"</api/results?limit=1>; rel="prev", <http://h:1/api/results?limit=1&cursor=x>; rel="next""#;
        assert_eq!(next_page(link).as_deref(), Some("/api/results?limit=1&cursor=x"));
        assert_eq!(next_page("</a>; rel=prev"), None);
    }

    #[test]
    fn what_is_no_http_url_is_said_so() {
        assert!(matches!(http("ftp://127.0.0.1"), Err(Trouble::BadUrl { .. })));
        assert!(matches!(http("localhost:8000"), Err(Trouble::BadUrl { .. })));
        assert!(http("http://127.0.0.1:8000").is_ok());
        assert!(http("https://127.0.0.1:8000").is_ok());
    }
}
