//! The clock, by which waves, windows and the expiry of metadata and certificates are judged.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::Finding;

const CHECK: &str = "clock";

/// How far the clock may be off before somebody should look.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// How far off it is wrong for certain: what lasts for days is judged wrongly.
const WRONG: TimeDelta = TimeDelta::days(1);

/// What is known of the time.
pub struct Clock {
    /// What the clock says.
    pub now: DateTime<Utc>,
    /// When the image was built; no clock is right that says less.
    pub built: Option<DateTime<Utc>>,
    /// What a server of the repository says.
    pub server: Option<DateTime<Utc>>,
}

/// Whether the clock can be right.
pub fn judge(clock: &Clock) -> Finding {
    let Clock { now, built, server } = *clock;
    let set = "set the clock, or have it set at every boot (NTP)";
    if let Some(built) = built.filter(|built| now < *built) {
        let text =
            format!("the clock says {}, and the image was built {}", shown(now), shown(built));
        return Finding::problem(CHECK, text, set);
    }
    let Some(server) = server else {
        let than = if built.is_some() {
            "not before the image was built"
        } else {
            "not compared with anything"
        };
        return Finding::ok(CHECK, format!("the clock says {}, {than}", shown(now)));
    };
    let off = (now - server).abs();
    let text =
        format!("the clock says {}, and the repository's server {}", shown(now), shown(server));
    match off {
        off if off > WRONG => Finding::problem(CHECK, text, set),
        off if off > TOLERANCE => Finding::warning(CHECK, text, set),
        _ => Finding::ok(CHECK, "the clock agrees with the repository's server"),
    }
}

fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::super::Severity::{self, Ok, Problem, Warning};
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(seconds)
    }

    fn severity(built: Option<i64>, server: Option<i64>) -> Severity {
        let (now, built, server) = (at(0), built.map(at), server.map(at));
        judge(&Clock { now, built, server }).severity
    }

    #[test]
    fn a_clock_before_the_image_is_wrong() {
        assert_eq!(severity(Some(1), None), Problem);
        assert_eq!(severity(Some(0), None), Ok);
        assert_eq!(severity(None, None), Ok);
        assert_eq!(severity(Some(1), Some(0)), Problem);
    }

    #[test]
    fn a_clock_that_differs_from_the_servers_is_told_in_both_directions() {
        for sign in [-1, 1] {
            assert_eq!(severity(Some(-9), Some(sign * 300)), Ok);
            assert_eq!(severity(Some(-9), Some(sign * 301)), Warning);
            assert_eq!(severity(Some(-9), Some(sign * 86_401)), Problem);
        }
    }
}
