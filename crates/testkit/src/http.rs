//! The HTTP client of the tests.

use std::sync::Once;

use reqwest::{Client, Response};
use serde_json::Value;

static PROVIDER: Once = Once::new();

/// A client without proxies and without redirects. Only plain HTTP is spoken, but the library wants a TLS provider.
pub fn client() -> Client {
    PROVIDER.call_once(|| {
        // Another one that is in place already does as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let builder = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    builder.build().expect("the settings are fixed and valid")
}

/// Status and body of an answer; a body that is no JSON comes as a string, an empty one as null.
///
/// # Errors
/// If the connection breaks off.
pub async fn read(response: Response) -> reqwest::Result<(u16, Value)> {
    let status = response.status().as_u16();
    let body = response.bytes().await?;
    let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
    let value = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap_or_else(|_| text()) };
    Ok((status, value))
}
