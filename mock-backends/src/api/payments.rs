//! `/api/payments`: payments, which always succeed, and refunds.

use super::body::{amount, bad, object, text_or};
use super::{Call, Route, authenticate, not_found, route};
use crate::reply::Answer;
use crate::store::{Payment, Store, UserId, units};
use serde_json::{Value, json};

pub(super) const ROUTES: &[Route] = &[
    route("POST", "/api/payments", pay),
    route("POST", "/api/payments/process", pay),
    route("GET", "/api/payments/{id}", show),
    route("POST", "/api/payments/{id}/refund", refund),
];

/// Prefix of payment ids.
const ID: &str = "PAY-";

fn pay(store: &mut Store, call: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    let user = authenticate(store, call)?;
    let body = object(call.body)?;
    let order = match body.get("orderId").unwrap_or(&Value::Null) {
        order @ (Value::Null | Value::Number(_)) => order.clone(),
        order if order.as_str().is_some_and(|text| text.len() <= 100) => order.clone(),
        _ => return Err(bad("orderId must be a number, or a string of at most 100 bytes")),
    };
    let payment = Payment {
        user,
        order,
        cents: amount(&body, "amount")?,
        currency: text_or(&body, "currency", "USD")?.to_owned(),
        method: text_or(&body, "paymentMethod", "CREDIT_CARD")?.to_owned(),
        refunded_cents: 0,
    };
    let number = store.payments.add(payment);
    reply(store, 201, user, number)
}

fn number(id: &str) -> Result<u64, Answer> {
    id.strip_prefix(ID).and_then(|number| number.parse().ok()).ok_or_else(not_found)
}

fn show(store: &mut Store, call: &Call<'_>, id: &str) -> Result<Answer, Answer> {
    let user = authenticate(store, call)?;
    reply(store, 200, user, number(id)?)
}

/// Refunds an amount, or the whole remainder if no amount is given.
fn refund(store: &mut Store, call: &Call<'_>, id: &str) -> Result<Answer, Answer> {
    let user = authenticate(store, call)?;
    let body = if call.body.is_empty() { Value::Null } else { object(call.body)? };
    let wanted = ["amount", "refundAmount"].into_iter().find(|field| body.get(field).is_some());
    let wanted = wanted.map(|field| amount(&body, field)).transpose()?;
    let number = number(id)?;
    let own = |payment: &&mut Payment| payment.user == user;
    let payment = store.payments.get_mut(number).filter(own).ok_or_else(not_found)?;
    let left = payment.cents - payment.refunded_cents;
    let refunded = wanted.unwrap_or(left);
    if refunded == 0 || refunded > left {
        return Err(bad("the refund exceeds the remainder of the payment"));
    }
    payment.refunded_cents += refunded;
    reply(store, 200, user, number)
}

fn reply(store: &Store, status: u16, user: UserId, number: u64) -> Result<Answer, Answer> {
    let payment = store.payments.get(number).filter(|payment| payment.user == user).ok_or_else(not_found)?;
    let refunded = payment.refunded_cents > 0;
    let body = json!({
        "paymentId": format!("{ID}{number}"),
        "orderId": payment.order,
        "userId": user.number().to_string(),
        "amount": units(payment.cents),
        "currency": payment.currency,
        "method": payment.method,
        "status": if refunded { "REFUNDED" } else { "COMPLETED" },
        "refundAmount": refunded.then(|| units(payment.refunded_cents)),
    });
    Ok(Answer::json(status, &body))
}
