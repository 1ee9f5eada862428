//! Versions of programs, parsed from the programs' own output.

use std::fmt;

/// A version: major, minor and patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Version {
    /// Finds the first version in a text such as `nginx version: nginx/1.22.1` or `v2.11.7 h1:…`. A missing patch
    /// number counts as 0; `None` if no word of the text has at least a major and a minor number.
    pub fn find_in(text: &str) -> Option<Self> {
        text.split(|c: char| !(c.is_ascii_digit() || c == '.')).find_map(|word| {
            let mut parts = word.split('.').map(|part| part.parse::<u32>().ok());
            let (major, minor) = (parts.next()??, parts.next()??);
            Some(Self(major, minor, parts.next().flatten().unwrap_or(0)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        let table = [
            ("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/", Version(2, 6, 12)),
            ("nginx version: nginx/1.22.1", Version(1, 22, 1)),
            ("envoy  version: 0ab12cd34e/1.40.0/Clean/RELEASE/BoringSSL", Version(1, 40, 0)),
            ("v2.11.7 h1:abc=", Version(2, 11, 7)),
            ("Version:      3.7.15\nCodename:     langres", Version(3, 7, 15)),
            ("caddy 3.1", Version(3, 1, 0)),
        ];
        for (said, version) in table {
            assert_eq!(Version::find_in(said), Some(version), "{said}");
        }
        assert_eq!(Version::find_in("no version here 7"), None);
    }
}
