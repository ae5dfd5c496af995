//! The machine's own package sources, cut down to Debian's release and its updates.
//!
//! Machines have sources of third parties beside Debian's. One of ours has a suite that is the release's code name,
//! alone or with `-updates` or `-security`, the component `main`, and no key of its own other than Debian's.
//! Both of apt's formats are read (`sources.list(5)`); what is written is always deb822, without other
//! options than `Signed-By`.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::Result;
use crate::error::Error;
use crate::place;

/// One source of packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Source {
    uris: Vec<String>,
    suites: Vec<String>,
    components: Vec<String>,
    /// Paths of keys, or a key itself over several lines.
    signed_by: Option<String>,
}

/// Debian's sources for one release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sources {
    codename: String,
    sources: Vec<Source>,
}

impl Sources {
    /// Reads the sources of the machine.
    ///
    /// # Errors
    ///
    /// Fails when the machine is no Debian or has no source for its own release.
    pub(crate) fn of_machine() -> Result<Self> {
        let os_release = place::read(Path::new("/etc/os-release"))?;
        let codename = os_release_field(&os_release, "VERSION_CODENAME").ok_or_else(|| {
            Error::Untrue("/etc/os-release names no VERSION_CODENAME, so this is no Debian".into())
        })?;
        let sources: Vec<Source> = source_files()?.iter().flat_map(parse).collect();
        let sources = Self::new(&codename, sources);
        if sources.release().is_empty() {
            return Err(Error::Untrue(format!("/etc/apt has no source for Debian {codename}")));
        }
        Ok(sources)
    }

    fn new(codename: &str, sources: Vec<Source>) -> Self {
        let sources = sources.into_iter().filter_map(|source| source.of_debian(codename)).collect();
        Self { codename: codename.to_owned(), sources }
    }

    /// Code name of the release.
    pub(crate) fn codename(&self) -> &str {
        &self.codename
    }

    /// The release as it was published, without updates.
    pub(crate) fn release(&self) -> Vec<Source> {
        self.with_suites(|suite| suite == self.codename)
    }

    /// The release with its updates.
    pub(crate) fn updated(&self) -> Vec<Source> {
        self.with_suites(|_| true)
    }

    fn with_suites(&self, keep: impl Fn(&str) -> bool) -> Vec<Source> {
        self.sources.iter().filter_map(|source| source.with_suites(&keep)).collect()
    }
}

impl Source {
    /// What of this source is Debian's for a release.
    fn of_debian(&self, codename: &str) -> Option<Self> {
        let own_key = self.signed_by.as_ref().is_some_and(|keys| !keys.contains("debian-"));
        if own_key || !self.components.iter().any(|component| component == "main") {
            return None;
        }
        let suites =
            [codename.to_owned(), format!("{codename}-updates"), format!("{codename}-security")];
        let main = Self { components: vec!["main".to_owned()], ..self.clone() };
        main.with_suites(&|suite| suites.iter().any(|one| one == suite))
    }

    fn with_suites(&self, keep: &impl Fn(&str) -> bool) -> Option<Self> {
        let suites: Vec<_> = self.suites.iter().filter(|suite| keep(suite)).cloned().collect();
        (!suites.is_empty()).then(|| Self { suites, ..self.clone() })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "Types: deb")?;
        writeln!(out, "URIs: {}", self.uris.join(" "))?;
        writeln!(out, "Suites: {}", self.suites.join(" "))?;
        writeln!(out, "Components: {}", self.components.join(" "))?;
        self.signed_by.iter().try_for_each(|keys| writeln!(out, "Signed-By: {keys}"))?;
        writeln!(out)
    }
}

/// Reads one value of an os-release file, without its quotes.
pub(crate) fn os_release_field(text: &str, name: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim().trim_matches('"').trim_matches('\'').to_owned())
}

/// A file of sources: its text and whether it is in the newer format.
struct SourceFile {
    text: String,
    deb822: bool,
}

fn source_files() -> Result<Vec<SourceFile>> {
    let folder = Path::new("/etc/apt/sources.list.d");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let main = Path::new("/etc/apt/sources.list").to_owned();
    let mut paths: Vec<_> = entries.chain([main]).filter(|path| path.is_file()).collect();
    paths.sort();
    let wanted = |path: &Path| {
        let extension = path.extension()?.to_str()?;
        matches!(extension, "list" | "sources").then_some(extension == "sources")
    };
    let read = |path: &Path, deb822| Ok(SourceFile { text: place::read(path)?, deb822 });
    paths.iter().filter_map(|path| wanted(path).map(|deb822| read(path, deb822))).collect()
}

fn parse(file: &SourceFile) -> Vec<Source> {
    if file.deb822 { parse_deb822(&file.text) } else { parse_lines(&file.text) }
}

/// `deb [option=value …] uri suite component …`, one a line.
fn parse_lines(text: &str) -> Vec<Source> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Source> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb")?.strip_prefix([' ', '\t'])?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(bracket) => bracket.split_once(']')?,
        None => ("", rest),
    };
    let mut words = rest.split_whitespace().map(str::to_owned);
    let (uri, suite) = (words.next()?, words.next()?);
    let signed_by = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
    Some(Source {
        uris: vec![uri],
        suites: vec![suite],
        components: words.collect(),
        signed_by: signed_by.map(|keys| keys.replace(',', " ")),
    })
}

/// Stanzas of `Field: value`, separated by empty lines; a line that begins with a space goes on.
fn parse_deb822(text: &str) -> Vec<Source> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut stanzas: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for line in lines {
        let stanza = stanzas.last_mut().expect("there is always one stanza");
        if line.trim().is_empty() {
            stanzas.push(Vec::new());
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = stanza.last_mut() {
                value.push('\n');
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            stanza.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    stanzas.iter().filter_map(|stanza| stanza_source(stanza)).collect()
}

fn stanza_source(stanza: &[(String, String)]) -> Option<Source> {
    let field =
        |wanted: &str| stanza.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    let words = |wanted: &str| -> Vec<String> {
        field(wanted)
            .into_iter()
            .flat_map(|value| value.split_whitespace())
            .map(str::to_owned)
            .collect()
    };
    let enabled = field("enabled").is_none_or(|value| !matches!(value.as_str(), "no" | "false"));
    let packages = words("types").iter().any(|kind| kind == "deb");
    (enabled && packages).then(|| Source {
        uris: words("uris"),
        suites: words("suites"),
        components: words("components"),
        signed_by: field("signed-by").cloned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

    fn written(sources: &[Source]) -> String {
        sources.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn both_formats_are_read_and_written_as_one() {
        let line = format!(
            "# comment\ndeb [arch=amd64 signed-by={KEYRING}] http://m/debian tree main contrib # end\n\
             deb-src http://m/debian tree main\n"
        );
        let stanza = format!(
            "# comment\nTypes: deb deb-src\nURIs: http://m/debian\nSuites: tree\n\
             Components: main contrib\nSigned-By: {KEYRING}\n"
        );
        let expected = format!(
            "Types: deb\nURIs: http://m/debian\nSuites: tree\nComponents: main\nSigned-By: {KEYRING}\n\n"
        );
        for parsed in [parse_lines(&line), parse_deb822(&stanza)] {
            assert_eq!(written(&Sources::new("tree", parsed).release()), expected);
        }
    }

    #[test]
    fn only_the_first_release_has_no_updates() {
        let text = "deb http://m/debian tree main\ndeb http://m/debian tree-updates main\n\
                    deb http://m/debian-security tree-security main\n";
        let sources = Sources::new("tree", parse_lines(text));
        assert_eq!(sources.release().len(), 1);
        assert_eq!(sources.updated().len(), 3);
    }

    #[test]
    fn sources_of_third_parties_are_dropped() {
        let lines = "deb http://other/apt sdk-tree main\ndeb http://other/apt tree-pgdg main\n\
                     deb http://other/debian tree stable\n\
                     deb [signed-by=/etc/apt/keyrings/other.gpg] http://other/debian tree main\n\
                     deb http://m/debian tree-backports main\n";
        assert_eq!(Sources::new("tree", parse_lines(lines)).updated(), []);
        let stanzas = "Types: deb\nURIs: http://other\nSuites: nodistro\nComponents: main\n\n\
                       Types: deb\nEnabled: no\nURIs: http://m\nSuites: tree\nComponents: main\n\n\
                       Types: deb-src\nURIs: http://m\nSuites: tree\nComponents: main\n";
        assert_eq!(Sources::new("tree", parse_deb822(stanzas)).updated(), []);
    }

    #[test]
    fn one_stanza_with_several_suites_is_cut_to_the_release() {
        let text =
            "Types: deb\nURIs: http://m/debian\nSuites: tree tree-updates\nComponents: main\n";
        let sources = Sources::new("tree", parse_deb822(text));
        assert!(written(&sources.release()).contains("Suites: tree\n"));
        assert!(written(&sources.updated()).contains("Suites: tree tree-updates\n"));
    }

    #[test]
    fn os_release_values_lose_their_quotes() {
        let text = "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nVERSION_CODENAME=tree\n";
        assert_eq!(os_release_field(text, "VERSION_CODENAME").as_deref(), Some("tree"));
        assert_eq!(os_release_field(text, "VERSION_ID").as_deref(), Some("12"));
        assert_eq!(os_release_field(text, "VERSION"), None);
    }
}
