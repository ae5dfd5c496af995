//! From text back to a [`Handover`].

use alloc::string::ToString;
use alloc::vec::Vec;
use core::str::FromStr;

use gptprio::{BootBits, Priority, SetId, Tries};
use thiserror::Error;

use crate::{Fault, Handover, NotStarted, Rule, TableNote, VariableError, content};

/// Why a text is no [`Handover`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HandoverError {
    /// The variable is not the boot selector's.
    #[error(transparent)]
    Variable(#[from] VariableError),
    /// It is no text.
    #[error("it is not UTF-8")]
    Text,
    /// A line that is needed is not there.
    #[error("it has no line {0}=")]
    Missing(&'static str),
    /// A line is there twice.
    #[error("it has more than one line {0}=")]
    Doubled(&'static str),
    /// A line says something that makes no sense.
    #[error("its line {0}= makes no sense")]
    Value(&'static str),
}

impl Handover {
    /// Reads the file of [`Variable::BootReason`](crate::Variable::BootReason) in efivarfs.
    ///
    /// # Errors
    ///
    /// Refuses a variable that is not the boot selector's, and a text that says less than it has to.
    pub fn from_file(file: &[u8]) -> Result<Self, HandoverError> {
        core::str::from_utf8(content(file)?).map_err(|_| HandoverError::Text)?.parse()
    }
}

impl FromStr for Handover {
    type Err = HandoverError;

    fn from_str(text: &str) -> Result<Self, HandoverError> {
        let lines = Lines(text);
        let said = BootBits {
            priority: lines.small("priority", Priority::new)?,
            tries: lines.small("tries", Tries::new)?,
            successful: lines.flag("successful")?,
            spent: lines.flag("spent")?,
        };
        Ok(Self {
            set: lines.parsed("set")?,
            rule: lines.word("rule", &Rule::ALL, Rule::word)?,
            // As in a table: where there are tries, none of them is spent.
            bits: BootBits { spent: said.is_spent(), ..said },
            counted: lines.flag("counted")?,
            table: lines.word("table", &TableNote::ALL, TableNote::word)?,
            reason: lines.one("reason")?.to_string(),
            failed: lines.not_started()?,
        })
    }
}

/// Lines of `key=value`.
struct Lines<'a>(&'a str);

impl<'a> Lines<'a> {
    fn all(&self, key: &'static str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.lines().filter_map(move |line| line.strip_prefix(key)?.strip_prefix('='))
    }

    fn one(&self, key: &'static str) -> Result<&'a str, HandoverError> {
        let mut values = self.all(key);
        let value = values.next().ok_or(HandoverError::Missing(key))?;
        if values.next().is_some() { Err(HandoverError::Doubled(key)) } else { Ok(value) }
    }

    /// The sets that did not start, in the order of the lines, whosever fault it is.
    fn not_started(&self) -> Result<Vec<NotStarted>, HandoverError> {
        let of_line = |line: &str| {
            let (key, value) = line.split_once('=')?;
            let fault = Fault::ALL.into_iter().find(|fault| fault.key() == key)?;
            Some(not_started(fault, value))
        };
        self.0.lines().filter_map(of_line).collect()
    }

    fn parsed<T: FromStr>(&self, key: &'static str) -> Result<T, HandoverError> {
        self.one(key)?.parse().map_err(|_| HandoverError::Value(key))
    }

    fn small<T>(
        &self,
        key: &'static str,
        new: impl Fn(u8) -> Option<T>,
    ) -> Result<T, HandoverError> {
        new(self.parsed(key)?).ok_or(HandoverError::Value(key))
    }

    fn flag(&self, key: &'static str) -> Result<bool, HandoverError> {
        match self.one(key)? {
            "yes" => Ok(true),
            "no" => Ok(false),
            _ => Err(HandoverError::Value(key)),
        }
    }

    fn word<T: Copy>(
        &self,
        key: &'static str,
        all: &[T],
        word: impl Fn(T) -> &'static str,
    ) -> Result<T, HandoverError> {
        let said = self.one(key)?;
        let found = all.iter().copied().find(|one| word(*one) == said);
        found.ok_or(HandoverError::Value(key))
    }
}

fn not_started(fault: Fault, value: &str) -> Result<NotStarted, HandoverError> {
    let parts = value.split_once(' ');
    let named = parts.and_then(|(set, why)| Some((set.parse::<SetId>().ok()?, why)));
    let (set, why) = named.ok_or(HandoverError::Value(fault.key()))?;
    Ok(NotStarted { set, fault, why: why.to_string() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "set=A\nrule=fallback\npriority=1\ntries=2\nsuccessful=yes\nspent=no\ncounted=yes\n\
                        table=repaired\nreason=it is successful\nfailed=B its kernel image came back\n";

    fn a_set() -> impl Strategy<Value = SetId> {
        prop_oneof![Just(SetId::A), Just(SetId::B)]
    }

    prop_compose! {
        fn handover()(
            set in a_set(),
            rule in prop::sample::select(&Rule::ALL[..]),
            attributes in any::<u64>(),
            counted in any::<bool>(),
            table in prop::sample::select(&TableNote::ALL[..]),
            reason in "[ -~\u{e4}]{0,40}",
            failed in prop::collection::vec(
                (a_set(), prop::sample::select(&Fault::ALL[..]), "[ -~]{0,40}"),
                0..3,
            ),
        ) -> Handover {
            let failed = failed.into_iter().map(|(set, fault, why)| NotStarted { set, fault, why });
            let failed = failed.collect();
            let bits = BootBits::from_attributes(attributes);
            Handover { set, rule, bits, counted, table, reason, failed }
        }
    }

    #[test]
    fn tries_are_spent_only_where_there_are_none() {
        let read = |tries: &str| {
            let text = TEXT.replace("tries=2", tries).replace("spent=no", "spent=yes");
            text.parse::<Handover>().unwrap().bits.spent
        };
        assert!(read("tries=0") && !read("tries=2"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(handover in handover()) {
            let text = handover.to_string();
            prop_assert_eq!(text.parse(), Ok(handover.clone()));
            let file: Vec<u8> = b"\x06\0\0\0".iter().copied().chain(text.bytes()).collect();
            prop_assert_eq!(Handover::from_file(&file), Ok(handover));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "(set|rule|tries|failed|=|[A-B0-9 \n]|yes|no){0,60}") {
            let _ = text.parse::<Handover>();
        }
    }

    #[test]
    fn keys_of_the_future_are_skipped() {
        let wanted: Handover = TEXT.parse().unwrap();
        assert_eq!(format!("{TEXT}settings=x\nfuture\n").parse(), Ok(wanted));
    }

    #[test]
    fn a_line_that_is_missing_doubled_or_strange_is_named() {
        for key in ["set", "rule", "priority", "tries", "successful", "spent", "counted", "table"] {
            let line = TEXT.lines().find(|line| line.starts_with(key)).unwrap();
            let without: String = TEXT.replace(&format!("{line}\n"), "");
            assert_eq!(without.parse::<Handover>(), Err(HandoverError::Missing(key)));
            let doubled = format!("{TEXT}{line}\n");
            assert_eq!(doubled.parse::<Handover>(), Err(HandoverError::Doubled(key)));
            let strange = TEXT.replace(line, &format!("{key}=99"));
            assert_eq!(strange.parse::<Handover>(), Err(HandoverError::Value(key)));
        }
        let nameless = TEXT.replace("failed=B its", "failed=its");
        assert_eq!(nameless.parse::<Handover>(), Err(HandoverError::Value("failed")));
        let nameless = format!("{TEXT}held-back=\n");
        assert_eq!(nameless.parse::<Handover>(), Err(HandoverError::Value("held-back")));
    }

    #[test]
    fn a_clause_cannot_make_a_line_of_its_own() {
        let mut handover: Handover = TEXT.parse().unwrap();
        handover.reason = "a\nset=B\r\n".into();
        let read: Handover = handover.to_string().parse().unwrap();
        assert_eq!((read.set, read.reason.as_str()), (SetId::A, "a set=B  "));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert_eq!(Handover::from_file(b"\x06\0\0\0\xff"), Err(HandoverError::Text));
        let other = Err(HandoverError::Variable(VariableError::Attributes(7)));
        assert_eq!(Handover::from_file(b"\x07\0\0\0set=A"), other);
    }
}
