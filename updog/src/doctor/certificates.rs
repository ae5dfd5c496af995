//! Certificates of servers, and of the authorities that a host trusts in place of its system's.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::Finding;

const CHECK: &str = "certificates";

/// How long before its end somebody should look, at most.
const NOTICE: TimeDelta = TimeDelta::days(14);

/// How long a certificate lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// From when on.
    pub begins: DateTime<Utc>,
    /// Until when.
    pub ends: DateTime<Utc>,
}

/// Whose certificate it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The server of this address.
    Server(String),
    /// An authority of the configured bundle, by its place in it.
    Authority(usize),
}

impl Validity {
    /// How long a certificate in DER lasts; nothing if it is none, or of no time that a calendar has.
    pub fn of(der: &[u8]) -> Option<Self> {
        let validity = Certificate::from_der(der).ok()?.tbs_certificate.validity;
        let time = |time: x509_cert::time::Time| {
            DateTime::from_timestamp(time.to_unix_duration().as_secs().try_into().ok()?, 0)
        };
        Some(Self { begins: time(validity.not_before)?, ends: time(validity.not_after)? })
    }

    /// How long before its end somebody should look: certificates that last for days are renewed in their last third.
    fn notice(&self) -> TimeDelta {
        NOTICE.min((self.ends - self.begins) / 4)
    }
}

/// One finding for each certificate that has expired or soon will; if there is none, one about the first to expire, if there is any.
pub fn judge(certificates: &[(Owner, Validity)], now: DateTime<Utc>) -> Vec<Finding> {
    let expiring =
        certificates.iter().filter(|(_, validity)| validity.ends - now <= validity.notice());
    let findings: Vec<_> =
        expiring.map(|(owner, validity)| expiring_of(owner, validity.ends, now)).collect();
    match certificates.iter().min_by_key(|(_, validity)| validity.ends) {
        Some((owner, validity)) if findings.is_empty() => {
            let text =
                format!("the first to expire is that of {}, {}", name(owner), shown(validity.ends));
            vec![Finding::ok(CHECK, text)]
        }
        _ => findings,
    }
}

/// A server whose certificate has expired cannot be asked: an authority's may have, while others vouch for the servers.
fn expiring_of(owner: &Owner, ends: DateTime<Utc>, now: DateTime<Utc>) -> Finding {
    let verb = if ends <= now { "expired" } else { "expires" };
    let next = match owner {
        Owner::Server(_) => "have it renewed: once it has expired, this server cannot be used",
        Owner::Authority(_) => {
            "put its successor into ca_file, beside it, while both vouch for the servers"
        }
    };
    Finding::warning(
        CHECK,
        format!("the certificate of {} {verb} {}", name(owner), shown(ends)),
        next,
    )
}

fn name(owner: &Owner) -> String {
    match owner {
        Owner::Server(address) => address.clone(),
        Owner::Authority(place) => format!("authority {place} in ca_file"),
    }
}

fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Severity::{Ok, Warning};
    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    /// A certificate that lasts for so many hours, of which so many are left.
    fn lasting(hours: i64, left: i64) -> Validity {
        let ends = NOW + TimeDelta::hours(left);
        Validity { begins: ends - TimeDelta::hours(hours), ends }
    }

    fn severity(validity: Validity) -> super::super::Severity {
        let found = judge(&[(Owner::Server("https://a".to_owned()), validity)], NOW);
        assert_eq!(found.len(), 1);
        found[0].severity
    }

    #[test]
    fn short_certificates_are_warned_of_later() {
        let (year, days) = (365 * 24, 24);
        assert_eq!(severity(lasting(year, 14 * days + 1)), Ok);
        assert_eq!(severity(lasting(year, 14 * days)), Warning);
        assert_eq!(severity(lasting(6 * days, 37)), Ok);
        assert_eq!(severity(lasting(6 * days, 36)), Warning);
        assert_eq!(severity(lasting(year, -1)), Warning);
    }

    #[test]
    fn the_first_to_expire_is_told_if_nothing_is_near() {
        let server = (Owner::Server("https://a".to_owned()), lasting(9000, 8000));
        let found = judge(&[(Owner::Authority(2), lasting(9000, 7000)), server.clone()], NOW);
        assert!(found.len() == 1 && found[0].text.contains("authority 2 in ca_file"), "{found:?}");
        let found = judge(&[(Owner::Authority(1), lasting(9000, 1)), server], NOW);
        assert!(found.len() == 1 && found[0].text.contains("authority 1"), "{found:?}");
        assert!(judge(&[], NOW).is_empty(), "without TLS there is nothing to say");
    }

    #[test]
    fn what_is_no_certificate_has_no_time() {
        assert_eq!(Validity::of(b""), None);
        assert_eq!(Validity::of(&[0x30, 0x03, 0x02, 0x01, 0x00]), None);
    }
}
