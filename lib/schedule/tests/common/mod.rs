//! Windows, blackouts and times as tests write them.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use chrono::{DateTime, Utc};
use schedule::{Blackout, Calendar, Window};

/// A window of these days (none: every day).
pub fn window(days: &[&str], start: &str, minutes: i64, zone: &str) -> Window {
    let days = if days.is_empty() { String::new() } else { format!("days = {days:?}\n") };
    let rest = format!("start = '{start}'\nlength_minutes = {minutes}\ntime_zone = '{zone}'");
    toml::from_str(&(days + &rest)).unwrap()
}

/// A blackout of whole days, both included.
pub fn blackout(from: &str, to: &str, zone: &str) -> Blackout {
    toml::from_str(&format!("from = '{from}'\nto = '{to}'\ntime_zone = '{zone}'")).unwrap()
}

/// A time of RFC 3339, without its seconds and the letter for UTC.
pub fn time(text: &str) -> DateTime<Utc> {
    format!("{text}:00Z").parse().unwrap()
}

/// The instants at which a calendar changes after one, and whether it is open from then on.
pub fn changes(calendar: &Calendar, from: &str, count: usize) -> Vec<(String, bool)> {
    let mut at = time(from);
    let mut found = Vec::new();
    while found.len() < count
        && let Some(next) = calendar.at(at).changes()
    {
        found.push((next.format("%Y-%m-%dT%H:%M").to_string(), calendar.at(next).is_open()));
        at = next;
    }
    found
}
