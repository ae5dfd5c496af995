//! Where the initial RAM filesystem comes from.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::FileRef;

/// A file that is there, or one that is put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Initramfs {
    /// It is taken as it is.
    File(FileRef),
    /// It is made of a program and the kernel's modules.
    Made(MadeInitramfs),
}

/// What an initial RAM filesystem is made of.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MadeInitramfs {
    /// The program that the kernel starts, linked statically.
    pub program: FileRef,
    /// Kernel modules beside the usual ones.
    #[serde(default)]
    pub modules: Vec<ModuleName>,
    /// Whether the usual modules go in.
    #[serde(default = "yes")]
    pub usual_modules: bool,
    /// Compression of the whole.
    #[serde(default)]
    pub compression: Compression,
    /// Seconds after which a start is ended whose health nobody has looked at; 0: none is ended.
    #[serde(default = "usual_watchdog")]
    pub watchdog_seconds: u16,
}

/// Compression of an initial RAM filesystem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// For every kernel.
    None,
    /// For kernels since 5.9.
    #[default]
    Zstd,
}

/// The name of a kernel module. `-` and `_` are one letter to the kernel, and here a `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct ModuleName(String);

impl ModuleName {
    /// The name of a module, or of a module's file without what follows the name.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let named = !text.is_empty() && text.len() <= 64 && text.bytes().all(good);
        named.then(|| Self(text.replace('-', "_")))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ModuleName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text).ok_or_else(|| {
            format!("'{text}' is no name of a kernel module: 1 to 64 of A-Z, a-z, 0-9, '_' and '-' are needed")
        })
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

fn yes() -> bool {
    true
}

/// Long enough for a slow machine, and short enough for whoever waits for the old set.
fn usual_watchdog() -> u16 {
    300
}

impl<'de> Deserialize<'de> for Initramfs {
    /// A text is a file, a table says what it is made of. Not derived, so that a mistake in the table is named.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrTable)
    }
}

struct TextOrTable;

impl<'de> Visitor<'de> for TextOrTable {
    type Value = Initramfs;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a file, or a table with 'program'")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Initramfs, E> {
        FileRef::try_from(text.to_owned()).map(Initramfs::File).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Initramfs, A::Error> {
        MadeInitramfs::deserialize(MapAccessDeserializer::new(map)).map(Initramfs::Made)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Holder {
        initramfs: Initramfs,
    }

    fn read(text: &str) -> Result<Initramfs, String> {
        let holder: Result<Holder, _> = toml::from_str(text);
        holder.map(|holder| holder.initramfs).map_err(|error| error.to_string())
    }

    #[test]
    fn a_text_is_a_file() {
        let file = FileRef::Rootfs("boot/initrd-*".into());
        assert_eq!(read("initramfs = 'boot/initrd-*'"), Ok(Initramfs::File(file)));
    }

    #[test]
    fn a_table_says_what_it_is_made_of() {
        let made = MadeInitramfs {
            program: FileRef::Host("init".into()),
            modules: vec![ModuleName::new("xen_blkfront").unwrap()],
            usual_modules: true,
            compression: Compression::Zstd,
            watchdog_seconds: 300,
        };
        let text = "[initramfs]\nprogram = 'host:init'\nmodules = ['xen-blkfront']";
        assert_eq!(read(text), Ok(Initramfs::Made(made)));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, wanted) in [
            ("initramfs = 1", "a file, or a table"),
            ("initramfs = '../x'", ".."),
            ("initramfs = {}", "program"),
            ("initramfs = { program = 'init', module = [] }", "module"),
            ("initramfs = { program = 'init', modules = ['../evil'] }", "'../evil' is no name"),
            ("initramfs = { program = 'init', modules = [''] }", "is no name"),
            ("initramfs = { program = 'init', compression = 'xz' }", "xz"),
            ("initramfs = { program = 'init', watchdog_seconds = -1 }", "-1"),
            ("initramfs = { program = 'init', watchdog_seconds = 65536 }", "65536"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
