//! Folders that are labelled like others: lines of `FOLDER OTHER`.

use super::line::space;

/// The substitutions of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Substitutions {
    /// The last line of the file is the first.
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Substitutions {
    /// Reads a file; a line without two fields says nothing, as libselinux has it.
    pub(super) fn parse(text: &str) -> Self {
        let pair = |line: &str| {
            let line = line.trim_start_matches(space);
            let mut fields = line.split(space).filter(|field| !field.is_empty());
            let (folder, other) = (fields.next()?, fields.next()?);
            (!folder.starts_with('#')).then(|| (folder.into(), other.into()))
        };
        Self { pairs: text.lines().rev().filter_map(pair).collect() }
    }

    /// The path that one of them makes of a path; nothing if none is for it.
    pub(super) fn apply(&self, path: &[u8]) -> Option<Vec<u8>> {
        self.pairs.iter().find_map(|(folder, other)| {
            let rest = path.strip_prefix(folder.as_slice())?;
            match rest.first() {
                None => Some(other.clone()),
                Some(b'/') if other == b"/" => Some(rest.to_vec()),
                Some(b'/') => Some([other, rest].concat()),
                Some(_) => None,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_are_replaced_and_the_last_line_wins() {
        let text =
            "# a b\n/run /var/run\n/lib64 /usr/lib\n\n/alone\n/lib64 /usr/lib64\n/mnt/root /";
        let substitutions = Substitutions::parse(text);
        let apply = |path: &str| {
            let path = substitutions.apply(path.as_bytes());
            path.map(|path| String::from_utf8_lossy(&path).into_owned())
        };
        assert_eq!(apply("/lib64/x").as_deref(), Some("/usr/lib64/x"));
        assert_eq!(apply("/lib64").as_deref(), Some("/usr/lib64"));
        assert_eq!(apply("/lib64x"), None);
        assert_eq!(apply("/alone"), None);
        assert_eq!(apply("/mnt/root/etc").as_deref(), Some("/etc"));
        assert_eq!(apply("/mnt/root").as_deref(), Some("/"));
    }
}
