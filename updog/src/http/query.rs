//! The query parameters that every request carries: the fleet's metrics are read from server logs.

use std::sync::{Arc, Mutex, PoisonError};

use manifest::Host;
use semver::Version;
use url::Url;

/// `version` and `seed` from the start; `target` and `migrations` once an update is chosen.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pairs: Arc<Mutex<Vec<(&'static str, String)>>>,
}

impl Query {
    /// The parameters of a host that has not chosen anything yet.
    pub fn new(host: &Host) -> Self {
        let pairs =
            vec![("version", host.version.to_string()), ("seed", host.seed.value().to_string())];
        Self { pairs: Arc::new(Mutex::new(pairs)) }
    }

    /// Adds what was chosen, for all requests from now on.
    pub fn choose(&self, target: &Version, migrations: &[String]) {
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        pairs.retain(|(name, _)| !matches!(*name, "target" | "migrations"));
        pairs.push(("target", target.to_string()));
        pairs.push(("migrations", migrations.join(",")));
    }

    /// `url` with the parameters.
    pub(crate) fn apply(&self, mut url: Url) -> Url {
        let pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        url.query_pairs_mut().extend_pairs(pairs.iter());
        url
    }
}
