//! With what EFI programs are signed.

use std::path::PathBuf;

use serde::Deserialize;

/// Key and certificate for Secure Boot.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecureBoot {
    /// The private key.
    pub key: SigningKey,
    /// The certificate of the key, as PEM.
    pub certificate: HostFile,
    /// Which time a signature says that it was made at.
    #[serde(default)]
    pub signing_time: SigningTime,
}

/// Where a private key is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum SigningKey {
    /// In a PEM file without a passphrase.
    File(HostFile),
    /// In a token, by its URI (RFC 7512).
    Token(String),
}

/// A file on the machine that builds, relative to the folder of the spec.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HostFile(pub PathBuf);

/// Which time a signature says that it was made at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SigningTime {
    /// That of the spec: the same input gives the same bytes.
    #[default]
    Spec,
    /// That of the clock, for tokens that are reached in a way which looks at the clock.
    Now,
}

impl TryFrom<String> for HostFile {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.strip_prefix("host:") {
            Some(path) if !path.is_empty() => Ok(Self(path.into())),
            _ => Err(format!("'{text}' is no file of the machine that builds: 'host:PATH' is")),
        }
    }
}

impl TryFrom<String> for SigningKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if !text.starts_with("pkcs11:") {
            return HostFile::try_from(text).map(Self::File).map_err(|error| {
                format!("{error}, and so is 'pkcs11:…' for a key in a token; keys are not taken from a root filesystem")
            });
        }
        if text.contains("pin-value") {
            return Err(
                "a PIN has no place in a spec: name a file with 'pin-source=PATH'".to_owned()
            );
        }
        Ok(Self::Token(text))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SecureBoot, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_are_files_or_in_tokens() {
        let found = read("key = 'host:db.key'\ncertificate = 'host:db.crt'").unwrap();
        assert_eq!(found.key, SigningKey::File(HostFile("db.key".into())));
        assert_eq!(found.signing_time, SigningTime::Spec);
        let uri = "pkcs11:token=t;object=db?pin-source=/run/pin";
        let text = format!("key = '{uri}'\ncertificate = 'host:db.crt'\nsigning_time = 'now'");
        let found = read(&text).unwrap();
        assert_eq!(found.key, SigningKey::Token(uri.to_owned()));
        assert_eq!(found.signing_time, SigningTime::Now);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, wanted) in [
            ("key = 'host:k'", "certificate"),
            ("key = 'boot/k'\ncertificate = 'host:c'", "not taken from a root filesystem"),
            ("key = 'host:'\ncertificate = 'host:c'", "host:PATH"),
            ("key = 'host:k'\ncertificate = 'etc/c'", "host:PATH"),
            ("key = 'pkcs11:object=k;pin-value=1'\ncertificate = 'host:c'", "pin-source"),
            ("key = 'host:k'\ncertificate = 'host:c'\npassphrase = 'x'", "passphrase"),
            ("key = 'host:k'\ncertificate = 'host:c'\nsigning_time = 'never'", "never"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
