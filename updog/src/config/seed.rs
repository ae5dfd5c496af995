//! What the configuration says of a host's place in the waves.

use manifest::Seed;
use toml::Value;

use super::{Check, ConfigError};

/// What stands for a seed that the host makes for itself.
const AUTO: &str = "auto";

/// Where a host's seed comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SeedChoice {
    /// From the state folder, where it is made once, by chance.
    #[default]
    Own,
    /// From the configuration.
    Fixed(Seed),
}

impl Check<'_> {
    pub(super) fn seed(&self, value: Option<Value>) -> Result<SeedChoice, ConfigError> {
        let number = match value {
            None => return Ok(SeedChoice::Own),
            Some(Value::String(text)) if text == AUTO => return Ok(SeedChoice::Own),
            Some(Value::Integer(number)) => u64::try_from(number).ok(),
            Some(_) => None,
        };
        let seed = number.and_then(|number| Seed::new(number).ok());
        let problem = || self.bad("seed", "must be a whole number from 0 to 2047, or \"auto\"");
        seed.map(SeedChoice::Fixed).ok_or_else(problem)
    }
}
