//! Any bytes as the certificate of a server: refused, or it says when it begins and ends, and what is found of it is one line.
#![no_main]

use chrono::DateTime;
use fuzz::limits;
use updog::doctor::certificates::{Owner, Validity, judge};

fuzz::target!(|input| {
    let memory = (64 << 10) + 40 * input.len();
    let validity = limits::within(memory, || Validity::of(input));
    let now = DateTime::UNIX_EPOCH;
    for owner in [Owner::Server("https://a".to_owned()), Owner::Authority(1)] {
        let found = judge(&[(owner, validity)], now);
        assert_eq!(found.len(), 1);
        assert!(!found[0].to_string().contains('\n'));
    }
});
