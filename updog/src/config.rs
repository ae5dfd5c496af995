//! `updog.toml`: fragments of text in, validated [`Settings`] out.
//!
//! Unknown fields are refused, so that a misspelt limit never silently means its default. Relative
//! paths count from the folder of the configuration file.

mod agent;
mod health;
mod limits;
mod migrations;
mod network;
mod seed;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gptprio::Tries;
use manifest::VersionLock;
use serde::Deserialize;
use thiserror::Error;

use crate::http::Rate;

use agent::RawAgent;
pub use agent::{AgentSettings, OnObstacle};
pub use health::HealthSettings;
use health::RawHealth;
pub use limits::Limits;
use limits::RawLimits;
pub use migrations::MigrationSettings;
use migrations::RawMigrations;
pub use network::{Network, Roots, Source};
use network::{NoProxy, RawSource, without_values};
pub use seed::SeedChoice;

/// Where the configuration is looked for when the command line names none.
pub const DEFAULT_PATH: &str = "/etc/updog.toml";

/// Longest configuration file that is read, in bytes.
const MAX_LENGTH: u64 = 1 << 20;

/// Everything that `updog` may be told, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the repository is: the first, and what to turn to when it fails.
    pub sources: Vec<Source>,
    /// How it is reached.
    pub network: Network,
    /// Where this host's place in the waves comes from.
    pub seed: SeedChoice,
    /// The one version to run, or the latest.
    pub version_lock: VersionLock,
    /// Take an update before its wave comes.
    pub ignore_waves: bool,
    /// Tries that a freshly installed set is given.
    pub tries: Tries,
    /// The command that restarts the host.
    pub restart_command: Vec<String>,
    /// What has to be well before a boot is marked good.
    pub health: HealthSettings,
    /// What an update may take.
    pub limits: Limits,
    /// How the settings of the next boot are tried out.
    pub migrations: MigrationSettings,
    /// How the host updates itself.
    pub agent: AgentSettings,
    /// Where things lie on this host.
    pub paths: Paths,
}

/// Files and folders of the host.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The trusted root that came with the image.
    pub root: PathBuf,
    /// Metadata that was verified, as it was received.
    pub metadata_cache: PathBuf,
    /// Migrations for the next boot.
    pub migrations: PathBuf,
    /// What was staged, and the like.
    pub state: PathBuf,
    /// os-release of the running set.
    pub os_release: PathBuf,
}

/// Why a configuration is not usable.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is longer than any configuration is.
    #[error("the configuration {path} is longer than {MAX_LENGTH} bytes")]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// The file is not TOML of the known fields.
    #[error("the configuration {path} is not valid: {problem}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its line, and without what stands there.
        problem: String,
    },
    /// The certificates to trust are not usable.
    #[error("the ca_file {path} {problem}")]
    Roots {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A field holds a value that makes no sense.
    #[error("the configuration {path} is not valid: {field}: {problem}")]
    Value {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    metadata_base_url: String,
    targets_base_url: String,
    #[serde(default)]
    mirror: Vec<RawSource>,
    seed: Option<toml::Value>,
    #[serde(default = "latest")]
    version_lock: String,
    #[serde(default)]
    ignore_waves: bool,
    https_proxy: Option<String>,
    no_proxy: Option<NoProxy>,
    tries: Option<u8>,
    idle_timeout_seconds: Option<u64>,
    minimum_bytes_per_second: Option<u64>,
    retries: Option<u32>,
    ca_file: Option<PathBuf>,
    restart_command: Option<Vec<String>>,
    root_path: Option<PathBuf>,
    metadata_cache: Option<PathBuf>,
    migrations_dir: Option<PathBuf>,
    state_dir: Option<PathBuf>,
    os_release_path: Option<PathBuf>,
    #[serde(default)]
    health: RawHealth,
    #[serde(default)]
    limits: RawLimits,
    #[serde(default)]
    migrations: RawMigrations,
    #[serde(default)]
    agent: RawAgent,
}

fn latest() -> String {
    "latest".to_owned()
}

impl Settings {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be read, is not TOML, names an unknown field, or a value is out of range.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(&Self::text(path)?, path)
    }

    /// The text of the file at `path`.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be read, or is longer than any configuration is.
    pub fn text(path: &Path) -> Result<String, ConfigError> {
        let read = |source| ConfigError::Read { path: path.to_owned(), source };
        if fs::metadata(path).map_err(read)?.len() > MAX_LENGTH {
            return Err(ConfigError::TooLong { path: path.to_owned() });
        }
        fs::read_to_string(path).map_err(read)
    }

    /// What holds where no file says otherwise, for who has to decide although there is no usable one. It names no repository.
    pub fn without_file() -> Self {
        let text = "metadata_base_url = 'http://localhost/'\n\
                    targets_base_url = 'http://localhost/'\n";
        Self::parse(text, Path::new(DEFAULT_PATH)).expect("the text is constant, and tested")
    }

    /// Checks the text of a configuration that was read from `path`.
    ///
    /// # Errors
    ///
    /// As [`Settings::read`], without the reading.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let raw: Raw = toml::from_str(text).map_err(|error| ConfigError::Syntax {
            path: path.to_owned(),
            problem: without_values(&error, text),
        })?;
        Check { path }.settings(raw)
    }
}

/// Turns raw values into checked ones, naming the file in each error.
struct Check<'a> {
    path: &'a Path,
}

impl Check<'_> {
    fn settings(&self, raw: Raw) -> Result<Settings, ConfigError> {
        let lock = raw.version_lock.parse();
        let idle_timeout = self.seconds(raw.idle_timeout_seconds.unwrap_or(30))?;
        let least = raw.minimum_bytes_per_second.unwrap_or(1024);
        let tries = Tries::new(raw.tries.unwrap_or(1)).filter(|tries| tries.value() > 0);
        Ok(Settings {
            sources: self.sources(&raw.metadata_base_url, &raw.targets_base_url, &raw.mirror)?,
            network: Network {
                proxy: self.proxy(raw.https_proxy.as_deref())?,
                no_proxy: raw.no_proxy.map(NoProxy::joined),
                idle_timeout,
                least_rate: Rate { bytes_per_second: least, window: idle_timeout },
                retries: raw.retries.unwrap_or(5),
                ca_file: raw.ca_file.map(|path| self.place(Some(path), "")),
            },
            seed: self.seed(raw.seed)?,
            version_lock: lock.map_err(|error| self.bad("version_lock", error))?,
            ignore_waves: raw.ignore_waves,
            tries: tries.ok_or_else(|| self.bad("tries", "must be from 1 to 15"))?,
            restart_command: self.command(raw.restart_command)?,
            health: self.health(raw.health)?,
            limits: self.limits(raw.limits, least)?,
            migrations: self.migrations(raw.migrations),
            agent: self.agent(raw.agent)?,
            paths: Paths {
                root: self.place(raw.root_path, "/usr/share/updog/root.json"),
                metadata_cache: self.place(raw.metadata_cache, "/var/cache/waystone-metadata"),
                migrations: self.place(raw.migrations_dir, "/var/lib/waystone-migrations"),
                state: self.place(raw.state_dir, "/var/lib/waystone"),
                os_release: self.place(raw.os_release_path, "/etc/os-release"),
            },
        })
    }

    fn bad(&self, field: &'static str, problem: impl ToString) -> ConfigError {
        ConfigError::Value { path: self.path.to_owned(), field, problem: problem.to_string() }
    }

    fn command(&self, words: Option<Vec<String>>) -> Result<Vec<String>, ConfigError> {
        let words = words.unwrap_or_else(|| vec!["systemctl".to_owned(), "reboot".to_owned()]);
        if words.is_empty() {
            return Err(self.bad("restart_command", "must name a program"));
        }
        Ok(words)
    }

    fn place(&self, path: Option<PathBuf>, default: &str) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        path.map_or_else(|| PathBuf::from(default), |path| folder.join(path))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"
        metadata_base_url = "https://updates.example/metadata"
        targets_base_url = "https://updates.example/targets/"
        seed = 12
    "#;

    fn parse(text: &str) -> Result<Settings, ConfigError> {
        Settings::parse(text, Path::new("/etc/waystone/updog.toml"))
    }

    fn problem(extra: &str) -> String {
        parse(&format!("{MINIMAL}\n{extra}")).unwrap_err().to_string()
    }

    #[test]
    fn minimal_configuration_takes_the_documented_defaults() {
        let settings = parse(MINIMAL).unwrap();
        assert_eq!(settings.sources[0].metadata.to_string(), "https://updates.example/metadata/");
        assert_eq!(settings.paths.root, Path::new("/usr/share/updog/root.json"));
        assert_eq!(settings.tries.value(), 1);
        assert!(!settings.ignore_waves);
    }

    #[test]
    fn without_a_file_the_documented_defaults_hold() {
        let (settings, minimal) = (Settings::without_file(), parse(MINIMAL).unwrap());
        assert_eq!(settings.restart_command, minimal.restart_command);
        assert_eq!(settings.paths.state, minimal.paths.state);
        assert_eq!(settings.health.efivars, minimal.health.efivars);
    }

    #[test]
    fn relative_paths_count_from_the_file() {
        let settings = parse(&format!("{MINIMAL}\nstate_dir = \"state\"")).unwrap();
        assert_eq!(settings.paths.state, Path::new("/etc/waystone/state"));
    }

    #[test]
    fn unknown_fields_are_refused_by_name() {
        assert!(problem("ignore_wave = true").contains("ignore_wave"));
    }

    #[test]
    fn seeds_beyond_the_last_are_refused() {
        for seed in ["2048", "4294967295"] {
            let text = MINIMAL.replace("12", seed);
            assert!(parse(&text).unwrap_err().to_string().contains("seed"), "{seed}");
        }
        assert!(parse(&MINIMAL.replace("12", "-1")).is_err());
        assert!(parse(&MINIMAL.replace("12", "2047")).is_ok());
    }

    #[test]
    fn a_host_without_a_seed_in_the_file_has_its_own() {
        let seed = |text: &str| parse(text).map(|settings| settings.seed);
        let lines: String =
            MINIMAL.lines().filter(|line| !line.contains("seed")).collect::<Vec<_>>().join("\n");
        assert_eq!(seed(&lines).unwrap(), SeedChoice::Own);
        assert_eq!(seed(&MINIMAL.replace("12", "'auto'")).unwrap(), SeedChoice::Own);
        let fixed = manifest::Seed::new(12).unwrap();
        assert_eq!(seed(MINIMAL).unwrap(), SeedChoice::Fixed(fixed));
        for other in ["'own'", "''", "1.0", "true", "[12]", "'12'"] {
            let error = seed(&MINIMAL.replace("12", other)).unwrap_err().to_string();
            assert!(error.contains("\"auto\""), "{error}");
        }
    }

    #[test]
    fn values_out_of_range_name_their_field() {
        assert!(problem("tries = 0").contains("tries"));
        assert!(problem("tries = 16").contains("tries"));
        assert!(problem("idle_timeout_seconds = 0").contains("idle_timeout_seconds"));
        assert!(problem("version_lock = \"newest\"").contains("version_lock"));
        assert!(problem("https_proxy = \"ftp://proxy\"").contains("https_proxy"));
        assert!(problem("restart_command = []").contains("restart_command"));
    }

    #[test]
    fn proxies_may_lack_their_scheme() {
        let settings = parse(&format!("{MINIMAL}\nhttps_proxy = \"proxy.example:3128\"")).unwrap();
        assert_eq!(settings.network.proxy.unwrap().to_string(), "http://proxy.example:3128/");
    }
}
