//! A record as the journal takes it.

use super::Event;

/// Who says it.
const IDENTIFIER: &str = "updog";

/// The longest value, in bytes: with all of them a record stays far below the smallest datagram that Linux refuses.
const MAX_VALUE: usize = 8 << 10;

/// Fields with their values, in the bytes of one datagram.
#[derive(Debug)]
pub(super) struct Record(Vec<u8>);

impl Record {
    pub(super) fn of(event: &Event) -> Self {
        let topic = event.topic();
        let mut record = Self(Vec::new());
        record.add("MESSAGE", &event.to_string());
        record.add("MESSAGE_ID", topic.id());
        record.add("PRIORITY", &topic.priority().level().to_string());
        record.add("SYSLOG_IDENTIFIER", IDENTIFIER);
        event.fields().iter().for_each(|(name, value)| record.add(name, value));
        record
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A value with line feeds stands behind its length, so that it cannot begin another field.
    fn add(&mut self, name: &str, value: &str) {
        let value = cut(value);
        self.0.extend_from_slice(name.as_bytes());
        if value.contains('\n') {
            let length = u64::try_from(value.len()).expect("a length that was cut fits");
            self.0.push(b'\n');
            self.0.extend_from_slice(&length.to_le_bytes());
        } else {
            self.0.push(b'=');
        }
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'\n');
    }
}

/// A text that takes one line and moves no cursor.
pub(super) fn one_line(text: &str) -> String {
    cut(text).replace(char::is_control, " ")
}

/// The beginning of a text, no longer than a value may be.
fn cut(text: &str) -> &str {
    let end = (0..=MAX_VALUE.min(text.len())).rev().find(|place| text.is_char_boundary(*place));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}
