//! Where the repository is and how it is reached.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use url::Url;

use super::{Check, ConfigError};
use crate::address::Address;
use crate::http::Rate;

/// Longest bundle of certificates that is read, in bytes.
const MAX_BUNDLE: u64 = 4 << 20;

/// A repository's two folders at one mirror.
#[derive(Clone, Debug)]
pub struct Source {
    /// Base of the metadata, ends with `/`.
    pub metadata: Address,
    /// Base of the targets, ends with `/`.
    pub targets: Address,
}

/// A mirror is called by the base of its metadata.
impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.metadata.fmt(out)
    }
}

/// How servers are reached.
#[derive(Clone, Debug)]
pub struct Network {
    /// Proxy for both schemes, if any.
    pub proxy: Option<Address>,
    /// Hosts that are reached without the proxy, separated by commas.
    pub no_proxy: Option<String>,
    /// How long a server may be silent.
    pub idle_timeout: Duration,
    /// How slow a server may be, measured over the same time.
    pub least_rate: Rate,
    /// How often a request is repeated without progress.
    pub retries: u32,
    /// The certificates to trust in place of the system's, if any; see [`Network::roots`].
    pub ca_file: Option<PathBuf>,
}

/// The certificates that servers' certificates are checked against.
#[derive(Clone, Debug)]
pub enum Roots {
    /// Those of the system.
    System,
    /// These and no others.
    Only(Vec<CertificateDer<'static>>),
}

/// `[[mirror]]` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSource {
    metadata_base_url: String,
    targets_base_url: String,
}

/// Hosts without proxy: a list, or one string with commas.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum NoProxy {
    List(Vec<String>),
    Text(String),
}

impl Network {
    /// Reads the certificates to trust. Only who talks to servers needs them: a broken file must not keep a host from
    /// going back to its other set.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be read, holds no certificate, or one that is none.
    pub fn roots(&self) -> Result<Roots, ConfigError> {
        let Some(path) = &self.ca_file else { return Ok(Roots::System) };
        let bad = |problem| ConfigError::Roots { path: path.clone(), problem };
        let mut text = Vec::new();
        let read = File::open(path).and_then(|file| file.take(MAX_BUNDLE).read_to_end(&mut text));
        read.map_err(|error| bad(format!("cannot be read: {error}")))?;
        certificates(&text).map(Roots::Only).map_err(bad)
    }
}

/// The certificates of a PEM bundle, each of which must be usable as a root.
fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut roots = Vec::new();
    for (index, found) in CertificateDer::pem_slice_iter(text).enumerate() {
        let certificate = found.map_err(|error| format!("is not PEM: {error}"))?;
        RootCertStore::empty()
            .add(certificate.clone())
            .map_err(|error| format!("certificate {} is none: {error}", index + 1))?;
        roots.push(certificate);
    }
    if roots.is_empty() { Err("holds no certificate".to_owned()) } else { Ok(roots) }
}

impl Check<'_> {
    /// The main pair and the mirrors behind it, in order.
    pub(super) fn sources(
        &self,
        metadata: &str,
        targets: &str,
        mirrors: &[RawSource],
    ) -> Result<Vec<Source>, ConfigError> {
        let main = Source {
            metadata: self.base("metadata_base_url", metadata)?,
            targets: self.base("targets_base_url", targets)?,
        };
        let mirror = |raw: &RawSource| {
            Ok(Source {
                metadata: self.base("mirror.metadata_base_url", &raw.metadata_base_url)?,
                targets: self.base("mirror.targets_base_url", &raw.targets_base_url)?,
            })
        };
        std::iter::once(Ok(main)).chain(mirrors.iter().map(mirror)).collect()
    }

    /// A base URL ends with `/`, so that names are added to it and never replace its last part.
    fn base(&self, field: &'static str, text: &str) -> Result<Address, ConfigError> {
        let mut url = self.url(field, text, &["http", "https", "file"])?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(self.bad(field, "must have no query and no fragment"));
        }
        if url.scheme() == "file" && url.to_file_path().is_err() {
            return Err(self.bad(field, "must be file:/// and the path of a folder"));
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Address::new(url))
    }

    /// What is wrong is told without the text: it may hold a password.
    fn url(&self, field: &'static str, text: &str, schemes: &[&str]) -> Result<Url, ConfigError> {
        let url = Url::parse(text).map_err(|error| self.bad(field, error))?;
        if !schemes.contains(&url.scheme()) {
            let known = schemes.join("://, ");
            return Err(self.bad(field, format!("must begin with one of {known}://")));
        }
        Ok(url)
    }

    pub(super) fn proxy(&self, text: Option<&str>) -> Result<Option<Address>, ConfigError> {
        let address = match text {
            None | Some("") => return Ok(None),
            Some(text) if text.contains("://") => text.to_owned(),
            Some(text) => format!("http://{text}"),
        };
        self.url("https_proxy", &address, &["http", "https"]).map(Address::new).map(Some)
    }

    pub(super) fn seconds(&self, seconds: u64) -> Result<Duration, ConfigError> {
        if !(1..=3600).contains(&seconds) {
            return Err(self.bad("idle_timeout_seconds", "must be from 1 to 3600"));
        }
        Ok(Duration::from_secs(seconds))
    }
}

impl NoProxy {
    pub(super) fn joined(self) -> String {
        match self {
            Self::List(hosts) => hosts.join(","),
            Self::Text(hosts) => hosts,
        }
    }
}

/// What a TOML error says, with the number of its line and the field there, without values: one may hold a password.
pub(super) fn without_values(error: &toml::de::Error, text: &str) -> String {
    let message = error.message();
    let message = match (message.find("string \""), message.rfind('"')) {
        (Some(start), Some(end)) if end > start => {
            format!("{}string{}", &message[..start], &message[end + 1..])
        }
        _ => message.to_owned(),
    };
    let hidden = |word: &str| if word.contains('@') { "…".to_owned() } else { word.to_owned() };
    let message: Vec<_> = message.split_whitespace().map(hidden).collect();
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map(|before| before.matches('\n').count());
    let place = line.map_or(String::new(), |line| place(text, line));
    format!("{place}{}", message.join(" "))
}

/// The number of a line, counted from 1 on, and the field that it sets. A line of a text that goes over several sets none.
fn place(text: &str, line: usize) -> String {
    let is_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '.');
    let name = text.lines().nth(line).and_then(|line| line.split_once('=')).map(|(name, _)| name);
    let name = name.map(str::trim).filter(|name| !name.is_empty() && name.chars().all(is_name));
    let several = text.contains("\"\"\"") || text.contains("'''");
    match name.filter(|_| !several) {
        Some(name) => format!("line {}: {name}: ", line + 1),
        None => format!("line {}: ", line + 1),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::Settings;
    use super::*;

    const MINIMAL: &str = "metadata_base_url = 'https://me:secret@x/m'\n\
        targets_base_url = 'https://me:secret@x/t'\nseed = 1\n";

    fn parse(extra: &str) -> Result<Settings, ConfigError> {
        Settings::parse(&format!("{MINIMAL}{extra}"), Path::new("/etc/updog.toml"))
    }

    fn problem(extra: &str) -> String {
        parse(extra).unwrap_err().to_string()
    }

    #[test]
    fn credentials_are_not_printed_with_what_is_wrong() {
        for line in [
            "https_prox = 'http://me:secret@proxy'",
            "https_proxy = http://me:secret@proxy",
            "https_proxy = 'http://me:secret@proxy",
            "https_proxy = 'ftp://me:secret@proxy'",
            "https_proxy = 'http://me:secret@proxy:99999'",
            "https_proxy = ['http://me:secret@proxy']",
            "mirror = 'http://me:secret@proxy'",
            "mirror = 'http://me:sec\" secret@proxy'",
            "mirror = ['http://me:secret@proxy']",
            "mirror = [{ metadata_base_url = 'me:secret@x', targets_base_url = 'https://x' }]",
            "retries = 'http://me:secret@proxy'",
            "'http://me:secret@proxy' = 1",
        ] {
            let error = parse(line).unwrap_err();
            for told in [error.to_string(), format!("{error:?}")] {
                assert!(!told.contains("secret") && !told.contains("me:"), "{line}: {told}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let error = problem("\nhttps_prox = 'http://me:secret@proxy'");
        assert!(error.contains("line 5: https_prox: unknown field"), "{error}");
        let error = problem("retries = 'many'");
        assert!(error.contains("line 4: retries: invalid type: string, expected u32"), "{error}");
    }

    #[test]
    fn settings_can_be_printed_without_credentials() {
        let settings = parse("https_proxy = 'http://me:secret@proxy'").unwrap();
        let told = format!("{settings:?}");
        assert!(!told.contains("secret") && told.contains("https://x/m/"), "{told}");
    }

    #[test]
    fn mirrors_come_after_the_main_pair_in_their_order() {
        let mirror = |name: &str| {
            format!(
                "[[mirror]]\nmetadata_base_url = 'https://{name}/m'\ntargets_base_url = 'file:///{name}/t'\n"
            )
        };
        let settings = parse(&(mirror("one") + &mirror("two"))).unwrap();
        let metadata: Vec<_> =
            settings.sources.iter().map(|one| one.metadata.to_string()).collect();
        assert_eq!(metadata, ["https://x/m/", "https://one/m/", "https://two/m/"]);
        assert_eq!(settings.sources[2].targets.to_string(), "file:///two/t/");
        assert!(
            problem("[[mirror]]\nmetadata_base_url = 'https://x'").contains("targets_base_url")
        );
        assert!(problem(&mirror("one").replace("https://", "ftp://")).contains("mirror.metadata"));
    }

    #[test]
    fn a_medium_is_on_this_host() {
        let with = |url: &str| {
            let text = MINIMAL.replace("https://me:secret@x/m", url);
            Settings::parse(&text, Path::new("x"))
        };
        assert!(with("file:///media/stick").is_ok());
        assert!(with("file://server/stick").is_err());
    }

    #[test]
    fn a_bundle_holds_certificates_and_nothing_broken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let settings = parse(&format!("ca_file = {path:?}")).unwrap();
        let told = || settings.network.roots().unwrap_err().to_string();
        assert!(told().contains("ca.pem cannot be read"), "{}", told());
        for (text, problem) in [
            ("", "holds no certificate"),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "certificate 1 is none",
            ),
            ("-----BEGIN CERTIFICATE-----\n", "is not PEM"),
        ] {
            fs::write(&path, text).unwrap();
            assert!(told().contains(problem), "{}", told());
        }
    }

    #[test]
    fn without_a_bundle_the_systems_certificates_count() {
        assert!(matches!(parse("").unwrap().network.roots(), Ok(Roots::System)));
    }
}
