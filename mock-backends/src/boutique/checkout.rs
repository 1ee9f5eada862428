//! Checks the form of an order. What it says is not kept.

use crate::uri::decode_parameter;

/// The longest field, in bytes.
const LONGEST: usize = 512;

/// Checks the fields; the error names the first one that is wrong, and what it must be.
pub(super) fn check(form: &str) -> Result<(), String> {
    let field = |name| decode_parameter(form, name).unwrap_or_default();
    for name in ["email", "street_address", "city", "state", "country"] {
        let value = field(name);
        if value.trim().is_empty() || value.len() > LONGEST {
            return Err(format!("{name} must be a text of 1 to {LONGEST} bytes"));
        }
    }
    if !field("email").split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()) {
        return Err("email must be an address such as a@shop.example".to_owned());
    }
    let whole = |name, least: u64, most: u64| match field(name).parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(()),
        _ => Err(format!("{name} must be a whole number from {least} to {most}")),
    };
    whole("zip_code", 1, 9_999_999)?;
    whole("credit_card_expiration_month", 1, 12)?;
    whole("credit_card_expiration_year", 2000, 9999)?;
    whole("credit_card_cvv", 1, 9999)?;
    match is_card(&field("credit_card_number")) {
        true => Ok(()),
        false => Err("credit_card_number must be a card number with its check digit".to_owned()),
    }
}

/// Returns whether a number has the length and the check digit of a card (ISO/IEC 7812-1, Luhn's formula).
fn is_card(typed: &str) -> bool {
    let digits: Option<Vec<u32>> =
        typed.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| c.to_digit(10)).collect();
    let Some(digits) = digits.filter(|digits| (12..=19).contains(&digits.len())) else { return false };
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let weighed = digits.iter().rev().enumerate();
    let sum: u32 = weighed.map(|(place, digit)| if place % 2 == 1 { doubled(*digit) } else { *digit }).sum();
    sum.is_multiple_of(10)
}
