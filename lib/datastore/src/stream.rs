//! All of a store as one run of bytes: what a migration is given that works without folders, and what it gives back.
//!
//! ```text
//! "waystone-settings 1\n"
//! 'a' TRANSACTION         an area; no name is what is live, which comes first
//! 'd' KEY VALUE           a value of that area
//! 'm' KEY NAME VALUE      metadata of a key, after all values of the area
//! 'e' COUNT               the end; how many records came before it, as a 32-bit number
//! ```
//!
//! Each of the capital words is a text: its length in bytes as a 32-bit number, then as much UTF-8. Numbers are little-endian. A key is its segments with a zero byte between
//! them, which none can hold. A value is JSON, as the text that it was.
//!
//! Invariants: areas are in order, and so are values and metadata in them, so that nothing is there twice and the same settings are the same bytes. What was read can lie in folders: no key
//! that has a value lies above another, and every name is short enough. A stream without its end, one that goes on behind it and one that is longer than the limits are errors.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::{Area, Contents, Error, Json, Key, Result, key, name};

/// Stands in a program that works so: one whose bytes have it in them can be called with `--stream`, and reads and writes this format.
pub const MARKER: [u8; 40] = *b"<waystone-migration works-in-a-stream=1>";

/// Longest stream, in bytes.
pub const MAX_LENGTH: usize = 16 << 20;

/// The most records of a stream. So many values take some 20 MiB of memory beside their texts, so many metadata 50.
pub const MAX_RECORDS: usize = 1 << 16;

const HEAD: &[u8] = b"waystone-settings 1\n";

/// What a record has beside its texts, and a text beside its bytes.
const TAG: usize = 1;
const NUMBER: usize = size_of::<u32>();
const END: usize = TAG + NUMBER;

/// How much more settings may be, to go in a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    bytes: usize,
    records: usize,
}

impl Room {
    /// Half of what a stream holds: migrations may add something.
    pub(crate) fn half() -> Self {
        Self { bytes: MAX_LENGTH / 2 - HEAD.len() - END, records: MAX_RECORDS / 2 }
    }

    /// What is left beside an area, whose name is a file's.
    pub(crate) fn less_area(self) -> Option<Self> {
        self.less_record(255)
    }

    /// What is left beside a value.
    pub(crate) fn less(self, key: &Key, metadata: Option<&str>, value: &Json) -> Option<Self> {
        let key: usize = key.segments().iter().map(|segment| segment.len() + 1).sum();
        self.less_record(key + metadata.map_or(0, str::len) + value.text().len())
    }

    fn less_record(self, texts: usize) -> Option<Self> {
        let bytes = self.bytes.checked_sub(TAG + 3 * NUMBER + texts)?;
        Some(Self { bytes, records: self.records.checked_sub(1)? })
    }
}

/// Whether settings are few enough to go on in a stream: at most half of the limits.
pub fn has_room(bytes: &[u8]) -> bool {
    let records = bytes.last_chunk().map_or(u32::MAX, |count| u32::from_le_bytes(*count));
    bytes.len() <= MAX_LENGTH / 2 && usize::try_from(records).is_ok_and(|it| it <= MAX_RECORDS / 2)
}

/// Writes everything.
///
/// # Errors
///
/// Those of the output; [`io::ErrorKind::InvalidInput`] for a text of 4 GiB.
pub fn write(all: &BTreeMap<Area, Contents>, out: &mut impl Write) -> io::Result<()> {
    out.write_all(HEAD)?;
    let mut count = 0_usize;
    for (area, contents) in all {
        let transaction = if let Area::Pending(name) = area { name } else { "" };
        record(out, b'a', &[transaction])?;
        count += 1;
        for (key, value) in &contents.data {
            record(out, b'd', &[&joined(key), value.text()])?;
            count += 1;
        }
        for (key, named) in &contents.metadata {
            let key = joined(key);
            for (name, value) in named {
                record(out, b'm', &[&key, name, value.text()])?;
                count += 1;
            }
        }
    }
    out.write_all(b"e")?;
    number(out, count)
}

fn record(out: &mut impl Write, tag: u8, texts: &[&str]) -> io::Result<()> {
    out.write_all(&[tag])?;
    for text in texts {
        number(out, text.len())?;
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}

fn number(out: &mut impl Write, number: usize) -> io::Result<()> {
    let number = u32::try_from(number).map_err(|_| io::ErrorKind::InvalidInput)?;
    out.write_all(&number.to_le_bytes())
}

fn joined(key: &Key) -> String {
    key.segments().join("\0")
}

/// Reads everything.
///
/// # Errors
///
/// [`Error::Stream`] for anything that is not the format, whole, and all of it.
pub fn read(bytes: &[u8]) -> Result<BTreeMap<Area, Contents>> {
    let mut reader = Reader { length: bytes.len(), rest: bytes };
    let read = reader.all();
    read.map_err(|problem| {
        let at = reader.length.saturating_sub(reader.rest.len());
        Error::Stream { at, problem }
    })
}

/// What is not read yet.
struct Reader<'a> {
    length: usize,
    rest: &'a [u8],
}

/// What is wrong.
type Problem<T> = Result<T, String>;

impl<'a> Reader<'a> {
    fn all(&mut self) -> Problem<BTreeMap<Area, Contents>> {
        if self.length > MAX_LENGTH {
            return Err(format!("it has more than {MAX_LENGTH} bytes"));
        }
        self.rest = self.rest.strip_prefix(HEAD).ok_or("it does not begin as one")?;
        let mut all: BTreeMap<Area, Contents> = BTreeMap::new();
        let mut count = 0_usize;
        loop {
            let tag = self.take(TAG)?;
            match (tag, all.last_entry()) {
                (b"a", last) => {
                    let area = self.area()?;
                    if last.map_or(area != Area::Live, |last| *last.key() >= area) {
                        return Err("an area is out of order".to_owned());
                    }
                    all.insert(area, Contents::default());
                }
                (b"d", Some(mut last)) => self.value(last.get_mut())?,
                (b"m", Some(mut last)) => self.metadata(last.get_mut())?,
                (b"e", Some(_)) => break self.end(count)?,
                _ => return Err("something is there that is no record".to_owned()),
            }
            count += 1;
            if count > MAX_RECORDS {
                return Err(format!("it has more than {MAX_RECORDS} records"));
            }
        }
        all.values().try_for_each(Contents::check_names)?;
        Ok(all)
    }

    fn area(&mut self) -> Problem<Area> {
        let transaction = self.text()?;
        if transaction.is_empty() {
            return Ok(Area::Live);
        }
        key::check_length(name::encoded_length(transaction))?;
        Ok(Area::Pending(transaction.to_owned()))
    }

    fn value(&mut self, contents: &mut Contents) -> Problem<()> {
        let key = self.key()?;
        let is_next = contents.data.last_key_value().is_none_or(|(last, _)| *last < key);
        if !is_next || !contents.metadata.is_empty() {
            return Err(format!("{key} is out of order"));
        }
        let value = self.json(&key)?;
        contents.data.insert(key, value);
        Ok(())
    }

    fn metadata(&mut self, contents: &mut Contents) -> Problem<()> {
        let (key, name) = (self.key()?, self.text()?);
        key::check(name)?;
        let is_next = contents.metadata.last_key_value().is_none_or(|(last, named)| {
            let last_name = named.last_key_value().map(|(name, _)| name.as_str());
            (last, last_name) < (&key, Some(name))
        });
        if !is_next {
            return Err(format!("metadata of {key} is out of order"));
        }
        let value = self.json(&key)?;
        contents.metadata.entry(key).or_default().insert(name.to_owned(), value);
        Ok(())
    }

    fn key(&mut self) -> Problem<Key> {
        Key::new(self.text()?.split('\0')).map_err(|error| error.to_string())
    }

    fn json(&mut self, key: &Key) -> Problem<Json> {
        let text = self.text()?.to_owned();
        Json::parse(text).map_err(|error| format!("a value of {key} is not JSON: {error}"))
    }

    /// The end: the number of records, and nothing behind it.
    fn end(&mut self, count: usize) -> Problem<()> {
        if self.number()? != count {
            return Err("records are missing".to_owned());
        }
        if self.rest.is_empty() { Ok(()) } else { Err("something follows its end".to_owned()) }
    }

    fn text(&mut self) -> Problem<&'a str> {
        let length = self.number()?;
        str::from_utf8(self.take(length)?).map_err(|_| "something in it is no text".to_owned())
    }

    fn number(&mut self) -> Problem<usize> {
        let bytes = self.take(NUMBER)?.try_into().unwrap_or_default();
        usize::try_from(u32::from_le_bytes(bytes)).map_err(|error| error.to_string())
    }

    fn take(&mut self, length: usize) -> Problem<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or("it is cut")?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> Key {
        text.parse().unwrap()
    }

    fn json(text: &str) -> Json {
        Json::parse(text.to_owned()).unwrap()
    }

    fn written(all: &BTreeMap<Area, Contents>) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(all, &mut bytes).unwrap();
        bytes
    }

    /// A stream of these records behind an area.
    fn stream(records: &[(u8, &[&str])]) -> Vec<u8> {
        let mut bytes = HEAD.to_vec();
        record(&mut bytes, b'a', &[""]).unwrap();
        for (tag, texts) in records {
            record(&mut bytes, *tag, texts).unwrap();
        }
        bytes.push(b'e');
        number(&mut bytes, records.len() + 1).unwrap();
        bytes
    }

    fn some() -> BTreeMap<Area, Contents> {
        let mut live = Contents::default();
        live.data.insert(key("os.load"), json("1.50"));
        live.data.insert(key("settings.\"a.b\""), json(" [1,\n2]"));
        live.metadata.entry(key("settings.x")).or_default().insert("strength".into(), json("1"));
        let empty = Area::Pending("edit".to_owned());
        BTreeMap::from([(Area::Live, live), (empty, Contents::default())])
    }

    #[track_caller]
    fn refused(bytes: &[u8], words: &str) {
        let text = read(bytes).unwrap_err().to_string();
        assert!(text.contains(words), "{text}");
    }

    #[test]
    fn the_bytes_are_these() {
        let live = Contents {
            data: BTreeMap::from([(key("os.load"), json("1.50"))]),
            metadata: BTreeMap::new(),
        };
        let bytes = written(&BTreeMap::from([(Area::Live, live)]));
        let golden =
            b"waystone-settings 1\na\0\0\0\0d\x07\0\0\0os\0load\x04\0\0\x001.50e\x02\0\0\0";
        assert_eq!(bytes, golden);
    }

    #[test]
    fn a_stream_that_is_cut_anywhere_or_goes_on_is_refused() {
        let whole = written(&some());
        assert_eq!(read(&whole).unwrap(), some());
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length}");
        }
        refused(&[&whole[..], b"e"].concat(), "something follows its end");
        refused(&[&whole[..], &whole[..]].concat(), "something follows its end");
    }

    #[test]
    fn a_record_that_is_lost_is_missed() {
        let mut bytes = stream(&[(b'd', &["a", "1"])]);
        let end = bytes.len() - NUMBER;
        bytes[end] += 1;
        refused(&bytes, "records are missing");
    }

    #[test]
    fn what_is_twice_or_out_of_order_is_refused() {
        refused(&stream(&[(b'd', &["a", "1"]), (b'd', &["a", "2"])]), "a is out of order");
        refused(&stream(&[(b'd', &["b", "1"]), (b'd', &["a", "2"])]), "a is out of order");
        refused(&stream(&[(b'm', &["a", "x", "1"]), (b'd', &["b", "2"])]), "b is out of order");
        let twice: &[(u8, &[&str])] = &[(b'm', &["a", "x", "1"]), (b'm', &["a", "x", "1"])];
        refused(&stream(twice), "metadata of a is out of order");
        refused(&stream(&[(b'a', &[""])]), "an area is out of order");
        refused(&stream(&[(b'a', &["b"]), (b'a', &["a"])]), "an area is out of order");
    }

    #[test]
    fn what_could_not_lie_in_folders_is_refused() {
        refused(&stream(&[(b'd', &["a", "1"]), (b'd', &["a\0b", "2"])]), "a.b lies below a");
        let records: &[(u8, &[&str])] =
            &[(b'd', &["a", "1"]), (b'd', &["a-", "1"]), (b'm', &["a\0b\0c", "x", "2"])];
        refused(&stream(records), "a.b.c lies below a");
        let long = "a".repeat(200);
        refused(&stream(&[(b'm', &[&long, &long, "1"])]), "too long");
        refused(&stream(&[(b'a', &[&"ä".repeat(50)])]), "too long");
    }

    #[test]
    fn what_is_no_key_and_no_value_is_refused() {
        for no_key in ["", "a\0", "a\"", "a\nb"] {
            refused(&stream(&[(b'd', &[no_key, "1"])]), "is no key");
        }
        refused(&stream(&[(b'm', &["a", "", "1"])]), "a segment is empty");
        refused(&stream(&[(b'd', &["a", "{"])]), "a value of a is not JSON");
        refused(&stream(&[(b'd', &["a", "1 2"])]), "a value of a is not JSON");
        refused(&stream(&[(b'x', &[])]), "no record");
        refused(b"<html>", "does not begin as one");
    }

    #[test]
    fn what_is_too_much_is_refused() {
        refused(&vec![0; MAX_LENGTH + 1], "more than 16777216 bytes");
        let mut bytes = HEAD.to_vec();
        record(&mut bytes, b'a', &[""]).unwrap();
        for number in 0..MAX_RECORDS {
            record(&mut bytes, b'd', &[&format!("{number:05}"), "1"]).unwrap();
        }
        refused(&bytes, "more than 65536 records");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            data in prop::collection::btree_map("[a-c.%ä]{1,3}", any::<u32>(), 0..6),
            metadata in prop::collection::btree_map(("[a-c]{1,2}", "[a-z.]{1,3}"), any::<bool>(), 0..6),
            transaction in prop::option::of("[a-z. /]{1,9}"),
        ) {
            let mut contents = Contents::default();
            for (segment, value) in data {
                contents.data.insert(Key::new([segment]).unwrap(), json(&value.to_string()));
            }
            for ((segment, name), value) in metadata {
                let key = Key::new([segment]).unwrap();
                contents.metadata.entry(key).or_default().insert(name, json(&value.to_string()));
            }
            let mut all = BTreeMap::from([(Area::Live, contents.clone())]);
            all.extend(transaction.map(|name| (Area::Pending(name), contents)));
            let bytes = written(&all);
            prop_assert_eq!(read(&bytes).unwrap(), all);
        }

        #[test]
        fn damage_is_refused_or_read_as_something_that_is_the_same_bytes(at in 0_usize..200, byte in any::<u8>()) {
            let mut bytes = written(&some());
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(all) = read(&bytes) {
                prop_assert_eq!(written(&all), bytes);
            }
        }
    }
}
