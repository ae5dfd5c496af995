//! Where a name from the repository lies: below the base, whatever it holds.

use url::Url;

use super::HttpError;
use crate::address::shown;

/// The address of `name` below `base`. Names come from signed metadata and are still not trusted to
/// stay below it.
pub(crate) fn below(base: &Url, name: &str) -> Result<Url, HttpError> {
    check(base, name)?;
    let mut url = base.clone();
    let mut segments = url.path_segments_mut().map_err(|()| refused(base, name))?;
    segments.pop_if_empty().extend(name.split('/'));
    drop(segments);
    Ok(url)
}

/// Whether `name` is the name of something below a base.
pub(crate) fn check(base: &Url, name: &str) -> Result<(), HttpError> {
    let strange = |part: &str| part.is_empty() || part == "." || part == "..";
    if name.split('/').any(strange) || name.contains(['\\', '\0']) {
        return Err(refused(base, name));
    }
    Ok(())
}

fn refused(base: &Url, name: &str) -> HttpError {
    HttpError::Name { name: name.to_owned(), base: shown(base) }
}

/// The address of the one file `name` below `base`: slashes in it are no folders.
pub(crate) fn file_below(base: &Url, name: &str) -> Result<Url, HttpError> {
    let mut url = base.clone();
    let path = format!("{}/{}", url.path().trim_end_matches('/'), trust::escape(name));
    if url.cannot_be_a_base() || matches!(name, "" | "." | "..") {
        return Err(refused(base, name));
    }
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below_the_base() {
        let base = Url::parse("https://updates.example/targets/").unwrap();
        let good = below(&base, "0f.root image?.lz4").unwrap();
        assert_eq!(good.as_str(), "https://updates.example/targets/0f.root%20image%3F.lz4");
        for name in ["", ".", "../x", "a/../b", "a//b", "/etc/passwd", "a\\b", "a\0b"] {
            assert!(below(&base, name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_role_name_is_one_segment_whatever_it_holds() {
        let base = Url::parse("https://updates.example/metadata/").unwrap();
        let shown = |name| file_below(&base, name).unwrap().to_string();
        assert_eq!(shown("1.root.json"), "https://updates.example/metadata/1.root.json");
        assert_eq!(
            shown("1.../x?#%.json"),
            "https://updates.example/metadata/1...%2Fx%3F%23%25.json"
        );
        assert!(file_below(&base, "").is_err());
    }

    #[test]
    fn a_name_that_looks_like_an_address_is_only_a_name() {
        let base = Url::parse("https://updates.example/targets/").unwrap();
        assert!(below(&base, "https://elsewhere.example/x").is_err());
        let odd = below(&base, "https:elsewhere").unwrap();
        assert_eq!(odd.host_str(), Some("updates.example"));
    }
}
