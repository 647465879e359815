//! Who can reach the server, and how.

use std::net::TcpListener;

use super::{Check, data};
use crate::{
    config::{AuthMode, Settings},
    server::tls::Tls,
};

/// Whether the port is free.
pub fn port(settings: &Settings) -> Check {
    let bind = settings.server.bind;
    match TcpListener::bind(bind) {
        Ok(_) => Check::good("port", format!("{bind} is free")),
        Err(error) => Check::bad("port", format!("{bind}: {error}; choose another with `baton serve --bind`")),
    }
}

/// Who needs a token, whether tokens travel safely, and whether the certificate can be used.
pub fn hygiene(settings: &Settings) -> Vec<Check> {
    let server = &settings.server;
    let why = match (settings.auth.mode, server.behind_proxy) {
        (AuthMode::Required, _) => "auth.mode = required".to_owned(),
        (_, true) => "server.behind_proxy".to_owned(),
        _ => format!("{} can be reached from other machines", server.bind),
    };
    let mut checks = vec![match settings.needs_tokens() {
        true => Check::good("access", format!("every call needs a token ({why}); `baton token create` makes one")),
        false => Check::good("access", format!("{}: calls from this machine need no token", server.bind)),
    }];
    checks.extend(settings.warnings().into_iter().map(|warning| Check::bad("access", warning)));
    if let Some((cert, key)) = server.tls() {
        checks.push(match Tls::open(settings) {
            Err(failure) => Check::failed("tls", &failure),
            Ok(_) if data::others(key) != 0 => {
                Check::bad("tls", format!("others may read {}; `chmod 600 {}`", key.display(), key.display()))
            }
            Ok(_) => Check::good("tls", format!("{} and its key", cert.display())),
        });
    }
    checks
}
