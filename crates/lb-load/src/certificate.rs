//! What a person needs to know about a server's certificate: whom it is for, who signed it, and why it does not
//! verify.

use rustls::CertificateError;
use rustls::pki_types::CertificateDer;
use std::fmt;
use webpki::EndEntityCert;

/// The names in a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateNames {
    /// Whom the certificate is for, such as `CN=shop.example, O=Shop`; empty if it does not say.
    pub subject: String,
    /// Who signed the certificate.
    pub issuer: String,
}

impl CertificateNames {
    /// Reads the names in a certificate. They are empty if it cannot be read.
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Self {
        EndEntityCert::try_from(certificate).map_or_else(
            |_| Self::default(),
            |read| Self {
                subject: distinguished_name(read.subject()),
                issuer: distinguished_name(read.issuer()),
            },
        )
    }

    /// Returns whether nobody but its holder vouches for the certificate.
    fn is_self_signed(&self) -> bool {
        self.subject == self.issuer
    }
}

impl fmt::Display for CertificateNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |name: &str| if name.is_empty() { "none".to_owned() } else { format!("`{name}`") };
        write!(f, "subject {}, issuer {}", or_none(&self.subject), or_none(&self.issuer))
    }
}

/// What a certificate says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Whom it is for, and who signed it.
    pub names: CertificateNames,
    /// The DNS names that it is for.
    pub hosts: Vec<String>,
    /// When it expires; `None` if that cannot be read.
    pub expires: Option<jiff::Timestamp>,
}

/// Reads what a certificate says. What cannot be read is empty.
pub(crate) fn facts(certificate: &CertificateDer<'_>) -> CertificateFacts {
    let hosts = EndEntityCert::try_from(certificate)
        .map(|read| read.valid_dns_names().map(str::to_owned).collect())
        .unwrap_or_default();
    CertificateFacts { names: CertificateNames::of(certificate), hosts, expires: expiry(certificate) }
}

/// Reads when a certificate in DER expires (RFC 5280, section 4.1.2.5).
fn expiry(der: &[u8]) -> Option<jiff::Timestamp> {
    const SEQUENCE: u8 = 0x30;
    const UTC_TIME: u8 = 0x17;
    let certificate = elements(der).next()?;
    let signed = elements(certificate.content).next()?;
    // The first three sequences are the algorithm of the signature, the issuer and the validity.
    let validity = elements(signed.content).filter(|element| element.tag == SEQUENCE).nth(2)?;
    let until = elements(validity.content).nth(1)?;
    let text = std::str::from_utf8(until.content).ok()?;
    let text = match until.tag {
        // Two digits stand for the years from 1950 to 2049.
        UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        _ => text.to_owned(),
    };
    let moment = jiff::civil::DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
    moment.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|moment| moment.timestamp())
}

/// Explains why a certificate does not verify, without the way out.
pub(crate) fn explain(error: &CertificateError, names: &CertificateNames) -> String {
    let day = |time: &rustls::pki_types::UnixTime| {
        i64::try_from(time.as_secs())
            .ok()
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
            .map_or_else(|| "an unknown time".to_owned(), |time| time.to_string())
    };
    match error {
        CertificateError::UnknownIssuer if names.is_self_signed() => {
            format!("its certificate does not verify: it is signed by itself ({names})")
        }
        CertificateError::UnknownIssuer => {
            format!("its certificate does not verify: no trusted authority signed it ({names})")
        }
        CertificateError::BadSignature => format!(
            "its certificate does not verify: an authority of that name is trusted, but this is not its signature ({names})"
        ),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let presented: Vec<String> = presented.iter().map(|name| plain_name(name)).collect();
            let listed = match presented.as_slice() {
                [] => "no host at all".to_owned(),
                names => format!("`{}`", names.join("`, `")),
            };
            format!("its certificate is for {listed}, not for `{}` ({names})", expected.to_str())
        }
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("its certificate expired at {} ({names})", day(not_after))
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("its certificate is not valid before {} ({names})", day(not_before))
        }
        other => format!("its certificate does not verify: {other} ({names})"),
    }
}

/// Returns a name as people write it: rustls lists `DnsName("shop.example")` and `IpAddress(10.0.0.1)`.
fn plain_name(listed: &str) -> String {
    let inner = listed.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(listed).trim_matches('"').to_owned()
}

/// The attributes of a distinguished name that are shown, with their object identifiers in DER (X.520).
const ATTRIBUTES: [(&[u8], &str); 5] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 11], "OU"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 6], "C"),
];

/// Writes a distinguished name, the content of an X.501 `RDNSequence` in DER, as `CN=shop.example, O=Shop`, the
/// most specific attribute first. Parts that cannot be read are left out.
fn distinguished_name(der: &[u8]) -> String {
    const OBJECT_IDENTIFIER: u8 = 0x06;
    let mut parts = Vec::new();
    for set in elements(der) {
        for attribute in elements(set.content) {
            let mut pair = elements(attribute.content);
            let (Some(key), Some(value)) = (pair.next(), pair.next()) else { continue };
            let known = ATTRIBUTES
                .iter()
                .enumerate()
                .find(|(_, (id, _))| key.tag == OBJECT_IDENTIFIER && *id == key.content);
            if let Some((rank, (_, short))) = known {
                parts.push((rank, format!("{short}={}", String::from_utf8_lossy(value.content))));
            }
        }
    }
    parts.sort_by_key(|(rank, _)| *rank);
    parts.into_iter().map(|(_, part)| part).collect::<Vec<_>>().join(", ")
}

/// One element in DER: tag and content.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

/// Reads elements in DER, one after another, up to the first that is not whole.
fn elements(mut der: &[u8]) -> impl Iterator<Item = Element<'_>> {
    std::iter::from_fn(move || {
        let [tag, first, rest @ ..] = der else { return None };
        // Up to 127 the length is the byte itself; above it, the byte counts the bytes of the length.
        let (length, rest) = match usize::from(*first) {
            short @ ..=0x7f => (short, rest),
            long @ 0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(long - 0x80)?;
                (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        der = rest;
        Some(Element { tag: *tag, content })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

    fn names_of(parts: &[(DnType, &str)]) -> CertificateNames {
        let mut params = CertificateParams::new(vec!["shop.example".to_owned()]).expect("a DNS name");
        params.distinguished_name = DistinguishedName::new();
        for (part, value) in parts {
            params.distinguished_name.push(part.clone(), *value);
        }
        let certificate = params.self_signed(&KeyPair::generate().expect("a key")).expect("a certificate");
        CertificateNames::of(certificate.der())
    }

    #[test]
    fn the_names_in_a_certificate_are_read() {
        let long = "x".repeat(200);
        for (parts, subject) in [
            (vec![(DnType::CommonName, "shop.example")], "CN=shop.example".to_owned()),
            (
                vec![
                    (DnType::CountryName, "DE"),
                    (DnType::OrganizationName, "Läden"),
                    (DnType::CommonName, "shop"),
                ],
                "CN=shop, O=Läden, C=DE".to_owned(),
            ),
            (vec![(DnType::CommonName, long.as_str())], format!("CN={long}")),
            (Vec::new(), String::new()),
        ] {
            let names = names_of(&parts);
            assert_eq!(names.subject, subject);
            assert_eq!(names.issuer, subject, "it is signed by itself");
        }
    }

    #[test]
    fn the_end_of_a_certificate_is_read_in_both_formats() {
        for (year, month) in [(2031, 4), (2071, 12)] {
            let mut params = CertificateParams::new(vec!["shop.example".to_owned()]).expect("a DNS name");
            params.not_after = rcgen::date_time_ymd(year, month, 5);
            let certificate =
                params.self_signed(&KeyPair::generate().expect("a key")).expect("a certificate");
            let facts = facts(certificate.der());
            assert_eq!(facts.hosts, ["shop.example"]);
            let expected = format!("{year}-{month:02}-05T00:00:00Z");
            assert_eq!(facts.expires.map(|time| time.to_string()), Some(expected));
        }
    }

    #[test]
    fn bytes_that_are_no_certificate_have_no_names() {
        let broken = CertificateDer::from(vec![0x30, 0x82, 0xff]);
        assert_eq!(facts(&broken), CertificateFacts::default());
        for cut in [&[0x31_u8][..], &[0x31, 5, 1], &[0x31, 0x85, 1, 1, 1, 1, 1], &[0x31, 0x82, 1]] {
            assert_eq!(distinguished_name(cut), "", "{cut:?}");
        }
    }

    #[test]
    fn a_certificate_for_other_names_lists_them() {
        let error = CertificateError::NotValidForNameContext {
            expected: "shop.example".try_into().expect("a name"),
            presented: vec!["DnsName(\"www.example\")".to_owned(), "IpAddress(10.0.0.1)".to_owned()],
        };
        let names = CertificateNames { subject: "CN=www".to_owned(), issuer: "CN=ca".to_owned() };
        assert_eq!(
            explain(&error, &names),
            "its certificate is for `www.example`, `10.0.0.1`, not for `shop.example` (subject `CN=www`, issuer `CN=ca`)"
        );
    }
}
