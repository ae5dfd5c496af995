//! Any bytes as the ledger of boots, and as what the kernel left of a panic: refused, or written and read again as the same; and what
//! starts are noted in it, once.
#![no_main]

use chrono::{DateTime, Utc};
use fuzz::input::Input;
use fuzz::limits;
use gptprio::{BootBits, SetId, Sets};
use handover::Handover;
use updog::boots::{Ledger, MAX_ATTEMPTS, PanicRecord, Seen, file};

fuzz::target!(|input| {
    let mut input = Input(input);
    let (sets, length) = (input.array::<16>(), usize::from(input.short() % 1024));
    let (boot, now) = (input.byte(), DateTime::from_timestamp(i64::from(input.word()), 0));
    let text = String::from_utf8_lossy(input.bytes(length));
    let memory = (64 << 10) + 40 * input.0.len();
    let Ok(ledger) = limits::within(memory, || file::parse(input.0)) else { return };
    let written = serde_json::to_vec(&ledger).expect("a ledger has a form in JSON");
    assert_eq!(file::parse(&written).as_ref(), Ok(&ledger));
    let now = now.expect("every second of 32 bits is one");
    note(ledger, &seen(&sets, boot, &text, now));
});

fn seen(sets: &[u8; 16], boot: u8, text: &str, now: DateTime<Utc>) -> Seen {
    let bits = |half: usize| {
        let half: [u8; 8] = sets[half..half + 8].try_into().expect("there are sixteen");
        BootBits::from_attributes(u64::from_le_bytes(half))
    };
    let record = PanicRecord::read("dmesg-erst-1", now, text);
    if let Some(record) = &record {
        assert!(!record.finding.to_string().is_empty());
    }
    Seen {
        set: if boot & 1 == 0 { SetId::A } else { SetId::B },
        version: semver::Version::new(1, u64::from(boot >> 4), 0),
        root_hash: None,
        other_version: (boot & 2 != 0).then(|| semver::Version::new(1, 0, 0)),
        sets: Sets { a: bits(0), b: Some(bits(8)) },
        handover: text.parse::<Handover>().ok(),
        panics: record.into_iter().collect(),
        boot: Some(format!("boot-{boot}")),
        now,
    }
}

fn note(mut ledger: Ledger, seen: &Seen) {
    let before = ledger.attempts.len();
    ledger.note_start(seen);
    let _ =
        (ledger.failed_versions(), ledger.attempts.iter().map(|it| it.cause_in_words()).count());
    assert!(ledger.attempts.len() <= before.max(MAX_ATTEMPTS));
    let once = ledger.clone();
    ledger.note_start(seen);
    assert_eq!(ledger, once, "said again it changes nothing");
    let written = serde_json::to_vec(&ledger).expect("a ledger has a form in JSON");
    assert_eq!(file::parse(&written), Ok(ledger));
}
