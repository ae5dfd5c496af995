//! The manual page of `updog.toml`, from the configuration that the package brings: what is said there is said once.
//!
//! Its lines are of three kinds: text (`# ` and words), a field or the head of a table (`#` and a name), and empty ones between.
//! A text is about the fields that follow it, up to the next empty line; the first text is about the whole.

/// The configuration, in the project.
pub(super) const SOURCE: &str = "dist/updog.toml";

/// What stands before the fields.
const HEAD: &str = concat!(
    ".TH updog.toml 5 \"\" \"waystone ",
    env!("CARGO_PKG_VERSION"),
    "\" \"Waystone\"\n.SH NAME\nupdog.toml \\- configuration of updog\n.SH SYNOPSIS\n/etc/updog.toml\n.SH DESCRIPTION\n"
);

/// What stands behind them.
const FOOT: &str = ".SH SEE ALSO\n.BR updog (8),\n.BR migrator (8)\n";

/// The page, for `man`.
pub(super) fn page(configuration: &str) -> String {
    let mut paragraphs = configuration.split("\n\n");
    let text = paragraphs.next().map(|first| words(first.lines())).unwrap_or_default();
    let fields: String = paragraphs.map(paragraph).collect();
    format!("{HEAD}{text}\n.SH FIELDS\n{fields}{FOOT}")
}

/// A text and the fields that it is about; the head of a table begins a section.
fn paragraph(paragraph: &str) -> String {
    let (said, set): (Vec<&str>, Vec<&str>) =
        paragraph.lines().partition(|line| line.starts_with("# "));
    let text = words(said.into_iter());
    let names: Vec<&str> = set.iter().filter_map(|line| line.strip_prefix('#')).collect();
    match names.split_first() {
        Some((table, fields)) if table.starts_with('[') => {
            let heading = format!(".SH \"{}\"\n{text}\n", escaped(table));
            fields.iter().fold(heading, |page, field| format!("{page}.PP\n{}\n", bold(field)))
        }
        Some((field, more)) => {
            let tags = more.iter().map(|field| format!("\n.TQ\n{}", bold(field)));
            format!(".TP\n{}{}\n{text}\n", bold(field), tags.collect::<String>())
        }
        None => String::new(),
    }
}

/// Lines of text as one, without what makes them comments.
fn words<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<&str> =
        lines.flat_map(|line| line.trim_start_matches('#').split_whitespace()).collect();
    escaped(&words.join(" "))
}

/// A field and its value, the name in bold.
fn bold(field: &str) -> String {
    let (name, value) = field.split_once(' ').unwrap_or((field, ""));
    format!("\\fB{}\\fR {}", escaped(name), escaped(value))
}

/// Text without what `man` would take for its own.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('"', "\\(dq").replace('\'', "\\(aq")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::place;

    #[test]
    fn the_page_names_every_field_and_table_of_the_configuration() {
        let text = place::read(&place::project().join(SOURCE)).unwrap();
        let (page, mut count) = (page(&text), 0);
        for line in text.lines().filter(|line| !line.starts_with("# ")) {
            let Some(set) = line.strip_prefix('#').filter(|set| !set.is_empty()) else { continue };
            let name = set.split_once(' ').map_or(set, |(name, _)| name);
            let named = if name.starts_with('[') {
                format!("\"{name}\"")
            } else {
                format!("\\fB{name}\\fR")
            };
            assert!(page.contains(&named), "{name}");
            count += 1;
        }
        assert!(count > 60, "{count}");
    }

    #[test]
    fn a_text_is_about_the_fields_that_follow_it() {
        let text = "# All.\n\n# Two\n# lines, a-b.\n#a = 1\n#b = \"x\"\n\n# A table.\n#[t]\n";
        let page = page(text);
        let fields = ".TP\n\\fBa\\fR = 1\n.TQ\n\\fBb\\fR = \\(dqx\\(dq\nTwo lines, a\\-b.\n";
        assert!(page.contains(fields), "{page}");
        assert!(page.contains(".SH \"[t]\"\nA table.\n"), "{page}");
    }
}
