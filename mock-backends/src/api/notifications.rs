//! `/api/notifications`: notifications to users, which count as sent immediately.

use super::body::{bad, object, text, text_or};
use super::{Call, Route, authenticate, not_found, route};
use crate::reply::Answer;
use crate::store::{Notification, Store, UserId};
use crate::uri::parameter;
use serde_json::{Value, json};

pub(super) const ROUTES: &[Route] = &[
    route("POST", "/api/notifications", create),
    route("GET", "/api/notifications", list),
    route("GET", "/api/notifications/{id}", show),
    route("DELETE", "/api/notifications/{id}", cancel),
];

/// The ways to reach a user.
const CHANNELS: [&str; 5] = ["EMAIL", "SMS", "PUSH", "IN_APP", "WEBHOOK"];
/// Default number of notifications per page, as in Spring.
const PAGE: usize = 20;
/// Maximum number of notifications per page.
const LARGEST_PAGE: usize = 2_000;

fn create(store: &mut Store, call: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    let user = authenticate(store, call)?;
    let body = object(call.body)?;
    let channel = |value: &Value| CHANNELS.into_iter().find(|channel| value == channel);
    let channels = match body.get("channels") {
        Some(Value::Array(channels)) if (1..=CHANNELS.len()).contains(&channels.len()) => {
            channels.iter().map(channel).collect::<Option<Vec<_>>>()
        }
        _ => None,
    };
    let notification = Notification {
        user,
        kind: text(&body, "type")?.to_owned(),
        title: text(&body, "title")?.to_owned(),
        message: text(&body, "message")?.to_owned(),
        channels: channels.ok_or_else(|| {
            bad(&format!("channels must be a list of one or more of {}", CHANNELS.join(", ")))
        })?,
        priority: text_or(&body, "priority", "NORMAL")?.to_owned(),
        status: "SENT",
    };
    let number = store.notifications.add(notification);
    reply(store, 201, user, number)
}

/// Returns one page of the user's notifications, the latest first, in the shape of Spring's `Page`.
fn list(store: &mut Store, call: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    let user = authenticate(store, call)?;
    let number = |name: &str, default| parameter(call.query, name).map_or(Ok(default), str::parse);
    let page: usize = number("page", 0).map_err(|_| bad("page must be a whole number"))?;
    let size = number("size", PAGE).ok().filter(|size| (1..=LARGEST_PAGE).contains(size));
    let size = size.ok_or_else(|| bad(&format!("size must be a whole number from 1 to {LARGEST_PAGE}")))?;
    let own: Vec<(u64, &Notification)> =
        store.notifications.latest().filter(|(_, notification)| notification.user == user).collect();
    let shown: Vec<Value> = own
        .iter()
        .skip(page.saturating_mul(size))
        .take(size)
        .map(|(number, it)| render(*number, it))
        .collect();
    let pages = own.len().div_ceil(size);
    let body = json!({
        "numberOfElements": shown.len(),
        "empty": shown.is_empty(),
        "content": shown,
        "number": page,
        "size": size,
        "totalElements": own.len(),
        "totalPages": pages,
        "first": page == 0,
        "last": page.saturating_add(1) >= pages,
    });
    Ok(Answer::json(200, &body))
}

fn show(store: &mut Store, call: &Call<'_>, id: &str) -> Result<Answer, Answer> {
    let user = authenticate(store, call)?;
    reply(store, 200, user, id.parse().map_err(|_| not_found())?)
}

fn cancel(store: &mut Store, call: &Call<'_>, id: &str) -> Result<Answer, Answer> {
    let user = authenticate(store, call)?;
    let number = id.parse().map_err(|_| not_found())?;
    let own = |notification: &&mut Notification| notification.user == user;
    store.notifications.get_mut(number).filter(own).ok_or_else(not_found)?.status = "CANCELLED";
    Ok(Answer::empty())
}

fn reply(store: &Store, status: u16, user: UserId, number: u64) -> Result<Answer, Answer> {
    let own = |notification: &&Notification| notification.user == user;
    let notification = store.notifications.get(number).filter(own).ok_or_else(not_found)?;
    Ok(Answer::json(status, &render(number, notification)))
}

fn render(number: u64, notification: &Notification) -> Value {
    json!({
        "id": number,
        "notificationId": format!("NOTIF-{number}"),
        "userId": notification.user.number().to_string(),
        "type": notification.kind,
        "priority": notification.priority,
        "title": notification.title,
        "message": notification.message,
        "channels": notification.channels,
        "status": notification.status,
    })
}
