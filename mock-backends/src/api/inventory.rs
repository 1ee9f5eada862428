//! `/api/inventory`: products, stock and reservations.

use super::body::{amount, bad, object, quantity, text, text_or};
use super::{Call, Route, not_found, route};
use crate::catalogue::{Product, default_stock};
use crate::reply::Answer;
use crate::store::{Line, Store, units};
use crate::uri::{decode, decode_parameter};
use serde_json::{Value, json};

pub(super) const ROUTES: &[Route] = &[
    route("GET", "/api/inventory", all),
    route("GET", "/api/inventory/all", all),
    route("GET", "/api/inventory/products", all),
    route("GET", "/api/inventory/products/category", category),
    route("GET", "/api/inventory/products/category/{category}", category),
    route("GET", "/api/inventory/product/{sku}", product),
    route("GET", "/api/inventory/products/{sku}", product),
    route("GET", "/api/inventory/search", search),
    route("GET", "/api/inventory/low-stock", low_stock),
    route("POST", "/api/inventory/products", add),
    route("POST", "/api/inventory/check", check),
    route("POST", "/api/inventory/reserve", reserve),
    route("POST", "/api/inventory/release/{id}", release),
    route("POST", "/api/inventory/confirm/{id}", confirm),
];

/// Prefix of reservation ids.
const RESERVATION: &str = "RES-";

pub(super) fn no_product() -> Answer {
    Answer::error(404, "no such product")
}

fn product(store: &mut Store, _: &Call<'_>, sku: &str) -> Result<Answer, Answer> {
    let product = store.find(&decode(sku)).ok_or_else(no_product)?;
    Ok(one(store, 200, product))
}

fn one(store: &Store, status: u16, product: usize) -> Answer {
    let mut body = String::with_capacity(256);
    store.write_product(product, &mut body);
    Answer { status, body: body.into() }
}

fn all(store: &mut Store, _: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    Ok(list(store, &store.list(None)))
}

fn category(store: &mut Store, _: &Call<'_>, category: &str) -> Result<Answer, Answer> {
    Ok(list(store, &store.list(Some(&decode(category)))))
}

fn search(store: &mut Store, call: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    let text =
        decode_parameter(call.query, "query").ok_or_else(|| bad("the query parameter `query` is missing"))?;
    Ok(list(store, &store.search(&text)))
}

fn low_stock(store: &mut Store, _: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    Ok(list(store, &store.low_on_stock()))
}

fn list(store: &Store, products: &[usize]) -> Answer {
    let mut body = String::with_capacity(2048);
    body.push('[');
    for (count, product) in products.iter().enumerate() {
        if count > 0 {
            body.push(',');
        }
        store.write_product(*product, &mut body);
    }
    body.push(']');
    Answer { status: 200, body: body.into() }
}

fn add(store: &mut Store, call: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    let body = object(call.body)?;
    let new = Product {
        sku: text(&body, "sku")?.to_owned(),
        name: text(&body, "name")?.to_owned(),
        category: text(&body, "category")?.to_owned(),
        price: units(amount(&body, "price")?),
        image: text_or(&body, "image", "")?.to_owned(),
        stock: default_stock(),
    };
    let product = store.add_product(new)?;
    Ok(one(store, 201, product))
}

/// Returns the product and the quantity, which clients send under either name.
fn asked(body: &Value) -> Result<(&str, u32), Answer> {
    let field = if body.get("requestedQuantity").is_some() { "requestedQuantity" } else { "quantity" };
    Ok((text(body, "productSku")?, quantity(body, field, 1)?))
}

fn check(store: &mut Store, call: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    let body = object(call.body)?;
    let (sku, quantity) = asked(&body)?;
    let product = store.find(sku);
    let left = product.map_or(0, |product| store.left(product));
    let message = match product {
        None => "no such product",
        Some(_) if quantity > left => "quantity exceeds the stock",
        Some(_) => "in stock",
    };
    let reply = json!({
        "productSku": sku,
        "available": quantity <= left,
        "availableQuantity": left,
        "requestedQuantity": quantity,
        "message": message,
    });
    Ok(Answer::json(200, &reply))
}

/// Reserves one product, or a list of them as `items`.
fn reserve(store: &mut Store, call: &Call<'_>, _: &str) -> Result<Answer, Answer> {
    let body = object(call.body)?;
    let items = match body.get("items") {
        None | Some(Value::Null) => vec![asked(&body)?],
        Some(Value::Array(items)) if !items.is_empty() => {
            items.iter().map(asked).collect::<Result<_, _>>()?
        }
        Some(_) => return Err(bad("items must be a list with at least one item")),
    };
    let find = |(sku, quantity): &(&str, u32)| {
        let product = store.find(sku).ok_or_else(no_product)?;
        Ok(Line { product, quantity: *quantity })
    };
    let lines = items.iter().map(find).collect::<Result<Vec<_>, Answer>>()?;
    let mut reply = json!({
        "orderId": body.get("orderId"),
        "productSku": items[0].0,
        "reservedQuantity": items.iter().map(|(_, quantity)| quantity).sum::<u32>(),
        "success": true,
        "status": "ACTIVE",
        "message": "reserved",
    });
    match store.reserve(lines) {
        Ok(number) => {
            reply["reservationId"] = format!("{RESERVATION}{number}").into();
            Ok(Answer::json(201, &reply))
        }
        Err(_) => {
            reply["success"] = false.into();
            reply["reservedQuantity"] = 0.into();
            reply["status"] = Value::Null;
            reply["message"] = "quantity exceeds the stock".into();
            Err(Answer::json(409, &reply))
        }
    }
}

fn release(store: &mut Store, _: &Call<'_>, id: &str) -> Result<Answer, Answer> {
    end(store, id, "RELEASED")
}

fn confirm(store: &mut Store, _: &Call<'_>, id: &str) -> Result<Answer, Answer> {
    end(store, id, "CONFIRMED")
}

fn end(store: &mut Store, id: &str, status: &'static str) -> Result<Answer, Answer> {
    let number = id.strip_prefix(RESERVATION).and_then(|number| number.parse().ok());
    match number.is_some_and(|number| store.end_reservation(number, status)) {
        true => Ok(Answer::json(200, &json!({ "reservationId": id, "status": status }))),
        false => Err(not_found()),
    }
}
