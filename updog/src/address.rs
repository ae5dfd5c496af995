//! An address that may hold credentials, and never shows them.

use std::fmt;

use url::Url;

/// A URL that is printed without user, password, query and fragment, whoever prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// Wraps an address.
    pub fn new(url: Url) -> Self {
        Self(url)
    }

    /// The address with everything in it, for whoever makes requests.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&shown(&self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// An address as it may stand in a log: without user, password, query and fragment.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for addresses that cannot have credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_query_never_reach_a_message() {
        let url = Url::parse("https://me:secret@updates.example/a?token=secret#secret").unwrap();
        let address = Address::new(url);
        assert_eq!(
            format!("{address} {address:?}"),
            "https://updates.example/a https://updates.example/a"
        );
        assert_eq!(address.url().password(), Some("secret"));
    }
}
