//! Any text as a wave policy: refused, or a schedule that reaches every seed, in order, from any time on.
#![no_main]

use chrono::DateTime;
use fuzz::input::Input;
use fuzz::limits;
use manifest::{Offset, Seed, WavePolicy};

fuzz::target!(|input| {
    let mut input = Input(input);
    let start = i64::from_le_bytes(input.array());
    let Ok(text) = str::from_utf8(input.0) else { return };
    check_offset(text);
    let memory = (256 << 10) + 600 * text.len();
    let Ok(policy) = limits::within(memory, || WavePolicy::parse(text)) else { return };
    let written = toml::to_string(&policy).expect("a policy has a form in TOML");
    assert_eq!(WavePolicy::parse(&written).expect("it was written"), policy);
    let Some(start) = DateTime::from_timestamp(start, 0) else { return };
    let Ok(schedule) = policy.waves(start) else { return };
    schedule.check().expect("a policy makes waves that can be published");
    let ready = [0, 1, 20, 1023, 2047]
        .map(|seed| schedule.ready_at(Seed::new(seed).expect("it is below 2048")));
    assert!(ready.is_sorted());
    assert!(
        !ready[0].is_reached(start - chrono::TimeDelta::seconds(1))
            || policy.policy_waves().is_empty()
    );
});

fn check_offset(text: &str) {
    let Ok(offset) = text.parse::<Offset>() else { return };
    assert_eq!(offset.to_string().parse(), Ok(offset));
}
