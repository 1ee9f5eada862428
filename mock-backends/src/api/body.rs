//! Parses and checks request bodies.

use crate::reply::Answer;
use serde_json::Value;

/// Largest quantity of one item.
const MAX_QUANTITY: u64 = 99;
/// Longest text in bytes; limited because some texts are stored.
const MAX_TEXT: usize = 2_000;

pub(super) fn bad(message: &str) -> Answer {
    Answer::error(400, message)
}

/// Parses the body as a JSON object.
pub(super) fn object(body: &[u8]) -> Result<Value, Answer> {
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(bad("body must be a JSON object")),
        Err(_) => Err(bad("body is not JSON")),
    }
}

/// Returns a required string field, which must not be blank.
pub(super) fn text<'a>(body: &'a Value, field: &str) -> Result<&'a str, Answer> {
    match body.get(field) {
        Some(Value::String(text)) if !text.trim().is_empty() && text.len() <= MAX_TEXT => Ok(text),
        _ => Err(bad(&format!("{field} must be a non-blank string of 1 to {MAX_TEXT} bytes"))),
    }
}

/// Returns an optional string field, which must not be blank.
pub(super) fn text_or<'a>(body: &'a Value, field: &str, default: &'a str) -> Result<&'a str, Answer> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(default),
        Some(_) => text(body, field),
    }
}

/// Returns a quantity of at least `least`.
pub(super) fn quantity(body: &Value, field: &str, least: u64) -> Result<u32, Answer> {
    match body.get(field).and_then(Value::as_u64) {
        Some(quantity) if (least..=MAX_QUANTITY).contains(&quantity) => Ok(quantity as u32),
        _ => Err(bad(&format!("{field} must be a whole number from {least} to {MAX_QUANTITY}"))),
    }
}

/// Returns the product and quantity of a cart item or order item.
pub(super) fn item(body: &Value) -> Result<(&str, u32), Answer> {
    let sku = text(body, "productId")?;
    if body.get("price").is_some_and(|price| price.as_f64().is_none_or(|price| price < 0.0)) {
        return Err(bad("price must be a non-negative number"));
    }
    Ok((sku, quantity(body, "quantity", 1)?))
}

/// Returns an amount of money above 0, in cents.
pub(super) fn amount(body: &Value, field: &str) -> Result<u64, Answer> {
    /// A trillion, at which sums are still exact in cents.
    const MOST: f64 = 1e12;
    match body.get(field).and_then(Value::as_f64) {
        Some(amount) if (0.01..=MOST).contains(&amount) => Ok((amount * 100.0).round() as u64),
        _ => Err(bad(&format!("{field} must be a number from 0.01 to {MOST}"))),
    }
}
