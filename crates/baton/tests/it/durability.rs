//! Whatever happens to the server or to the wire: what was acknowledged stays, and nothing is done twice.

mod check;
mod crew;
mod cuts;
mod kills;

/// As many deliveries as it takes: here work is lost on the way all the time. And a name for the server that holds
/// behind a proxy on another port, too.
const SETTINGS: &str = "[queue]\nmax_deliveries = 1000\n[server]\nallowed_hosts = [\"127.0.0.1\"]\n";

/// A configuration file with these, and the arguments that name it.
fn config() -> (tempfile::NamedTempFile, [String; 2]) {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(file.path(), SETTINGS).expect("a temporary file can be written");
    let path = file.path().to_str().expect("its path is plain text").to_owned();
    (file, ["--config".to_owned(), path])
}
