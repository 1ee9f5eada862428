//! `/api/users`: registration, log-in and the profile.

use super::body::{bad, object, text};
use super::{Call, Route, authenticate, route};
use crate::reply::Answer;
use crate::store::{Profile, Store, UserId};
use serde_json::{Value, json};

pub(super) const ROUTES: &[Route] = &[
    route("POST", "/api/users/register", register),
    route("POST", "/api/users/login", log_in),
    route("GET", "/api/users/me", me),
];

fn register(store: &mut Store, call: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    let body = object(call.body)?;
    let first_name = text(&body, "firstName")?.to_owned();
    let last_name = text(&body, "lastName")?.to_owned();
    let email = text(&body, "email")?;
    let password = text(&body, "password")?.to_owned();
    let whole = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
    if !email.split_once('@').is_some_and(|(user, host)| whole(user) && whole(host)) {
        return Err(bad("email is not an email address"));
    }
    let phone = match body.get("phoneNumber") {
        None | Some(Value::Null) => "",
        Some(Value::String(phone)) if is_phone(phone) => phone,
        Some(_) => return Err(bad("phoneNumber is not a phone number")),
    };
    let (email, phone) = (email.to_owned(), phone.to_owned());
    let id = store.register(Profile { first_name, last_name, email, password, phone })?;
    Ok(Answer::json(201, &profile(store, id)))
}

/// Returns whether the text is digits with the usual punctuation; ITU-T E.164 allows at most 15, and an `x`
/// marks an extension.
fn is_phone(phone: &str) -> bool {
    let digits = phone.chars().filter(char::is_ascii_digit).count();
    let punctuation = |c: char| c.is_ascii_digit() || "+-(). x".contains(c);
    phone.is_empty() || ((3..=20).contains(&digits) && phone.chars().all(punctuation))
}

fn log_in(store: &mut Store, call: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    let body = object(call.body)?;
    let (email, password) = (text(&body, "email")?, text(&body, "password")?);
    let Some((id, token)) = store.log_in(email, password) else {
        return Err(Answer::error(401, "email or password is wrong"));
    };
    let body = json!({ "token": token, "type": "Bearer", "userId": id.number(), "user": profile(store, id) });
    Ok(Answer::json(200, &body))
}

fn me(store: &mut Store, call: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    let id = authenticate(store, call)?;
    Ok(Answer::json(200, &profile(store, id)))
}

fn profile(store: &Store, id: UserId) -> Value {
    store.profile(id).map_or(Value::Null, |profile| {
        json!({
            "id": id.number(),
            "email": profile.email,
            "firstName": profile.first_name,
            "lastName": profile.last_name,
            "phoneNumber": profile.phone,
            "status": "ACTIVE",
        })
    })
}
