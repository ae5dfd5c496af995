//! Certificates of servers, and of the authorities that a host trusts in place of its system's.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{self, Decode, Reader, SliceReader};

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
    ///
    /// What comes before and behind is stepped over: reading all of it would take as much memory as a length in it says.
    pub fn of(der: &[u8]) -> Option<Self> {
        let validity = validity(der).ok()?;
        let time = |time: x509_cert::time::Time| {
            DateTime::from_timestamp(time.to_unix_duration().as_secs().try_into().ok()?, 0)
        };
        Some(Self { begins: time(validity.not_before)?, ends: time(validity.not_after)? })
    }

    /// How long before its end somebody should look: certificates that last for days are renewed in their last third.
    fn notice(&self) -> TimeDelta {
        NOTICE.min((self.ends - self.begins) / 4).max(TimeDelta::zero())
    }
}

/// The dates in a certificate: `tbsCertificate` with its version, serial number, signature, issuer and validity (RFC 5280, section 4.1).
fn validity(der: &[u8]) -> der::Result<x509_cert::time::Validity> {
    SliceReader::new(der)?.sequence(|certificate| {
        let validity = certificate.sequence(|fields| {
            // A certificate of version 1 does not say so.
            if fields.peek_tag()?.is_context_specific() {
                AnyRef::decode(fields)?;
            }
            for _ in ["serial number", "signature", "issuer"] {
                AnyRef::decode(fields)?;
            }
            let validity = x509_cert::time::Validity::decode(fields)?;
            fields.read_slice(fields.remaining_len())?;
            Ok(validity)
        })?;
        certificate.read_slice(certificate.remaining_len())?;
        Ok(validity)
    })
}

/// One finding for each certificate that has expired, soon will, or does not say when; if there is none, one about the first to expire, if there
/// is any.
pub fn judge(certificates: &[(Owner, Option<Validity>)], now: DateTime<Utc>) -> Vec<Finding> {
    let findings: Vec<_> =
        certificates.iter().filter_map(|(owner, validity)| found(owner, *validity, now)).collect();
    let ends = certificates.iter().filter_map(|(owner, validity)| Some((owner, (*validity)?.ends)));
    match ends.min_by_key(|(_, ends)| *ends) {
        Some((owner, ends)) if findings.is_empty() => {
            let owner = name(owner);
            vec![Finding::ok(
                CHECK,
                format!("the first to expire is that of {owner}, {}", shown(ends)),
            )]
        }
        _ => findings,
    }
}

/// What is to be said of one. A server whose certificate has expired cannot be asked; how long an authority's lasts is not looked at when a
/// server is.
fn found(owner: &Owner, validity: Option<Validity>, now: DateTime<Utc>) -> Option<Finding> {
    let Some(validity) = validity else {
        let text = format!("how long the certificate of {} lasts cannot be read", name(owner));
        return Some(Finding::warning(CHECK, text, "look at it with `openssl x509`"));
    };
    if validity.ends - now > validity.notice() {
        return None;
    }
    let verb = if validity.ends <= now { "expired" } else { "expires" };
    let next = match owner {
        Owner::Server(_) => "have it renewed: once it has expired, this server cannot be used",
        Owner::Authority(_) => {
            "put its successor into ca_file, beside it: other programs refuse what it vouches for from then on"
        }
    };
    let text = format!("the certificate of {} {verb} {}", name(owner), shown(validity.ends));
    Some(Finding::warning(CHECK, text, next))
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
        let found = judge(&[(Owner::Server("https://a".to_owned()), Some(validity))], NOW);
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
        let server = (Owner::Server("https://a".to_owned()), Some(lasting(9000, 8000)));
        let found = judge(&[(Owner::Authority(2), Some(lasting(9000, 7000))), server.clone()], NOW);
        assert!(found.len() == 1 && found[0].text.contains("authority 2 in ca_file"), "{found:?}");
        let found = judge(&[(Owner::Authority(1), Some(lasting(9000, 1))), server], NOW);
        assert!(found.len() == 1 && found[0].text.contains("authority 1"), "{found:?}");
        let found = judge(&[(Owner::Authority(3), None)], NOW);
        assert!(found[0].severity == Warning && found[0].text.contains("cannot be read"));
        assert!(judge(&[], NOW).is_empty(), "without TLS there is nothing to say");
    }

    /// By `faketime '2026-01-02 03:04:05' openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=a -days 90`.
    const OF_90_DAYS: &str = "3082016d30820113a003020102021475b0bbe14adc41eadda83d7a4d98b6c07d7d8062300a06082a8648ce3d040302300c\
        310a300806035504030c0161301e170d3236303130323033303430355a170d3236303430323033303430355a300c310a300806035504030c01613059301306\
        072a8648ce3d020106082a8648ce3d03010703420004c615aa4f5014b2d042bba860ee9e7d443b01bff85e8ab6f51bdc2ddc88e77ff48cb4ab18cc6bb33b\
        a79ef725c9289e57d3eb1fa785002e2f08f69f23b83a6f54a3533051301d0603551d0e041604141f6e188a9df0074e11d2f59bd764eb90563bd6c7301f06\
        03551d230418301680141f6e188a9df0074e11d2f59bd764eb90563bd6c7300f0603551d130101ff040530030101ff300a06082a8648ce3d040302034800\
        3045022100cf4d3e036783aa4f9785682a686571e1bc6094caf85eb4a3f7bdf0f4993ec3cb02201e495b4ea929302bf27d6137dde14d2768f88ca16b0914\
        7d20c6669b1a85f33c";

    #[test]
    fn a_certificate_says_when_it_begins_and_ends() {
        let bytes = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
        let der: Vec<u8> = OF_90_DAYS.as_bytes().chunks(2).map(bytes).collect();
        let validity = Validity::of(&der).unwrap();
        assert_eq!(shown(validity.begins), "2026-01-02T03:04:05Z");
        assert_eq!(shown(validity.ends), "2026-04-02T03:04:05Z");
        for end in 0..der.len() {
            assert_eq!(Validity::of(&der[..end]), None);
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_time() {
        assert_eq!(Validity::of(b""), None);
        assert_eq!(Validity::of(&[0x30, 0x03, 0x02, 0x01, 0x00]), None);
    }
}
