//! Accounts: plausible personal data derived from a number, so that the same account has the same data
//! in every session, trial and run, and nothing needs to be stored.

use crate::rng::mix;
use std::fmt::{self, Write};

/// A field of an account, written as `{{user.<name>}}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UserField {
    Id,
    FirstName,
    LastName,
    Name,
    Email,
    Password,
    Phone,
    Street,
    City,
    State,
    ZipCode,
    Country,
}

/// The fields by name.
pub(super) const FIELDS: [(&str, UserField); 12] = [
    ("id", UserField::Id),
    ("first_name", UserField::FirstName),
    ("last_name", UserField::LastName),
    ("name", UserField::Name),
    ("email", UserField::Email),
    ("password", UserField::Password),
    ("phone", UserField::Phone),
    ("street", UserField::Street),
    ("city", UserField::City),
    ("state", UserField::State),
    ("zip_code", UserField::ZipCode),
    ("country", UserField::Country),
];

const FIRST_NAMES: [&str; 20] = [
    "Ada", "Bela", "Chidi", "Dana", "Emil", "Farah", "Goran", "Hana", "Ines", "Jonas", "Kira", "Liam",
    "Mina", "Noor", "Otto", "Priya", "Quinn", "Rosa", "Sven", "Tara",
];

const LAST_NAMES: [&str; 17] = [
    "Abel", "Brandt", "Castillo", "Dubois", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito", "Jansen",
    "Kowalski", "Lindgren", "Moreau", "Novak", "Okafor", "Petrov", "Rossi",
];

const STREETS: [&str; 8] = [
    "Oak Street",
    "Mill Lane",
    "Station Road",
    "Harbour View",
    "Maple Avenue",
    "Church Street",
    "Garden Way",
    "Kings Road",
];

/// City, state and the first three digits of its ZIP codes.
const CITIES: [(&str, &str, u32); 6] = [
    ("Portland", "OR", 972),
    ("Madison", "WI", 537),
    ("Austin", "TX", 787),
    ("Albany", "NY", 122),
    ("Tucson", "AZ", 857),
    ("Savannah", "GA", 314),
];

/// Writes a field of account `number`.
pub(super) fn write_field(number: u32, field: UserField, out: &mut impl Write) -> fmt::Result {
    let position = number as usize;
    // 20 and 17 have no common factor, so names repeat only after 340 accounts.
    let first = FIRST_NAMES[position % FIRST_NAMES.len()];
    let last = LAST_NAMES[position % LAST_NAMES.len()];
    let luck = mix(u64::from(number));
    let (city, state, zip) = CITIES[(luck % 6) as usize];
    match field {
        UserField::Id => write!(out, "{number}"),
        UserField::FirstName => out.write_str(first),
        UserField::LastName => out.write_str(last),
        UserField::Name => write!(out, "{first} {last}"),
        UserField::Email => {
            write_lower(first, out)?;
            out.write_char('.')?;
            write_lower(last, out)?;
            write!(out, ".{number}@example.com")
        }
        UserField::Password => write!(out, "Pw-{:08x}!{number}", luck as u32),
        UserField::Phone => write!(out, "+1555{:07}", luck % 10_000_000),
        UserField::Street => {
            write!(out, "{} {}", 1 + (luck >> 8) % 980, STREETS[((luck >> 32) % 8) as usize])
        }
        UserField::City => out.write_str(city),
        UserField::State => out.write_str(state),
        UserField::ZipCode => write!(out, "{zip}{:02}", (luck >> 40) % 100),
        UserField::Country => out.write_str("US"),
    }
}

fn write_lower(name: &str, out: &mut impl Write) -> fmt::Result {
    name.chars().try_for_each(|letter| out.write_char(letter.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn field(number: u32, field: UserField) -> String {
        let mut text = String::new();
        write_field(number, field, &mut text).expect("writing to a string");
        text
    }

    #[test]
    fn no_two_accounts_share_an_email() {
        let emails: HashSet<String> = (0..5_000).map(|n| field(n, UserField::Email)).collect();
        assert_eq!(emails.len(), 5_000, "an account is known by its email");
    }

    #[test]
    fn an_account_is_the_same_each_time_and_plausible() {
        assert_eq!(field(21, UserField::Name), "Bela Eriksen");
        assert_eq!(field(21, UserField::Email), "bela.eriksen.21@example.com");
        assert_eq!(field(21, UserField::Password), field(21, UserField::Password));
        assert_eq!(field(3, UserField::ZipCode).len(), 5, "postal codes have five digits");
        assert_eq!(field(3, UserField::Phone).len(), 12, "country code and ten digits");
    }
}
