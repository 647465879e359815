//! Tokens without a server: the first one is needed before a server that asks for tokens can start.

use std::{path::PathBuf, sync::Arc};

use baton_engine::{Engine, Error, Principal};
use baton_model::{
    Rng, SystemClock, SystemRng,
    principal::{TokenMade, TokenRequest, TokenView},
};

use crate::{
    cli::{Globals, serve},
    config,
    data_dir::{self, Lock},
    failure::{Failure, Result},
    server::{keys, private_files},
};

/// The database of a data directory on which no server runs, locked as a server would.
pub struct Direct {
    engine: Engine,
    who: Principal,
    _locks: [Lock; 2],
}

impl Direct {
    /// Opens it; makes it if it is not there.
    ///
    /// # Errors
    /// Settings that cannot be used (78); a data directory or database that is in use or cannot be opened.
    pub fn open(dir: PathBuf, globals: &Globals) -> Result<Self> {
        let settings = config::load(&serve::sources(globals, Vec::new())?)?.settings;
        private_files();
        data_dir::create(&dir)?;
        let database = settings.database(&dir);
        let locks = Lock::take_all(&dir, &database)?;
        let rng: Arc<dyn Rng> = Arc::new(SystemRng::from_machine());
        let secret_key = keys::secret_key(&settings, &dir, &*rng)?;
        let key = keys::random(&*rng);
        let options = settings.engine(database.clone(), secret_key, key.expose());
        let engine = Engine::open(options, Arc::new(SystemClock::start()), rng).map_err(|error| {
            Failure::failed(format!("cannot open the database {}", database.display()))
                .because(error)
                .next("`baton doctor` looks for the cause")
        })?;
        Ok(Direct { engine, who: Principal::local(), _locks: locks })
    }

    /// Makes a token.
    ///
    /// # Errors
    /// When the request makes no sense or the database refuses.
    pub async fn create(&self, request: TokenRequest) -> Result<TokenMade> {
        self.engine.create_token(&self.who, request).await.map_err(failure)
    }

    /// Every token, oldest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn list(&self) -> Result<Vec<TokenView>> {
        self.engine.tokens(&self.who).await.map_err(failure)
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// When there is none with this id, or the database refuses.
    pub async fn revoke(&self, id: &str) -> Result<TokenView> {
        self.engine.revoke_token(&self.who, id).await.map_err(failure)
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        // Before the locks are given back: what was written is then whole on disk.
        self.engine.close();
    }
}

fn failure(error: Error) -> Failure {
    match error {
        Error::NotFound { .. } => Failure::failed(error.to_string()).next("`baton token list` shows the ids"),
        Error::Invalid(_) => Failure::failed("this token cannot be made").because(error),
        other => Failure::failed("the tokens cannot be read or written")
            .because(other)
            .next("`baton doctor` looks for the cause"),
    }
}
