//! The pages. Nothing that a client sent stands in them but its session id, whose characters are limited.

use super::Page;
use super::products::{Currency, PRODUCTS};
use crate::store::Line;
use std::fmt::Write as _;

/// What shipping costs, in US cents, unless the cart is empty.
const SHIPPING: u64 = 899;

/// Returns a page of the shop. The foot names the session as the demo does.
fn page(status: u16, title: &str, content: &str, session: &str) -> Page {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><title>{title}</title></head><body>\n<h1>{title}</h1>\n{content}\
         <footer>session-id: {session}</footer>\n</body></html>\n"
    );
    Page { status, html, ..Page::default() }
}

/// Returns a page that says what is wrong with a request.
pub(super) fn problem(status: u16, problem: &str, session: &str) -> Page {
    page(status, "Something went wrong", &format!("<p>{problem}</p>\n"), session)
}

/// Returns the number of pieces in a cart.
fn pieces(cart: &[Line]) -> u64 {
    cart.iter().map(|line| u64::from(line.quantity)).sum()
}

/// Returns the link to the cart, with the number of its pieces.
fn link(cart: &[Line]) -> String {
    format!("<p><a href=\"/cart\">Cart ({})</a></p>\n", pieces(cart))
}

pub(super) fn home(cart: &[Line], session: &str, currency: Currency) -> Page {
    let mut list = link(cart);
    for product in PRODUCTS {
        let price = currency.price(product.cents);
        let _ = writeln!(list, "<p><a href=\"/product/{}\">{}</a> {price}</p>", product.id, product.name);
    }
    page(200, "Online Boutique", &list, session)
}

pub(super) fn product(position: usize, cart: &[Line], session: &str, currency: Currency) -> Page {
    let product = PRODUCTS[position];
    let mut content = link(cart);
    let _ = write!(
        content,
        "<p>{}</p>\n<form method=\"POST\" action=\"/cart\">\
         <input type=\"hidden\" name=\"product_id\" value=\"{}\">\
         <input type=\"number\" name=\"quantity\" value=\"1\"><button>Add to cart</button></form>\n",
        currency.price(product.cents),
        product.id,
    );
    page(200, product.name, &content, session)
}

/// Writes the lines of a cart or order, and returns their price in US cents with shipping.
fn write_lines(lines: &[Line], currency: Currency, out: &mut String) -> u64 {
    let mut total = 0;
    for line in lines {
        let product = PRODUCTS[line.product];
        let cents = product.cents.saturating_mul(line.quantity.into());
        total += cents;
        let (id, name, price) = (product.id, product.name, currency.price(cents));
        let _ = writeln!(out, "<p>{name}, SKU #{id}, Quantity: {}, {price}</p>", line.quantity);
    }
    if !lines.is_empty() {
        total += SHIPPING;
        let _ = writeln!(out, "<p>Shipping {}</p>", currency.price(SHIPPING));
    }
    total
}

pub(super) fn cart(lines: &[Line], session: &str, currency: Currency) -> Page {
    if lines.is_empty() {
        return page(200, "Your cart is empty", "", session);
    }
    let mut content = String::new();
    let total = write_lines(lines, currency, &mut content);
    let _ = writeln!(content, "<p>Total {}</p>", currency.price(total));
    page(200, &format!("Cart ({})", pieces(lines)), &content, session)
}

pub(super) fn order(number: &str, lines: &[Line], session: &str, currency: Currency) -> Page {
    let mut content = format!("<p>Confirmation #{number}</p>\n");
    let total = write_lines(lines, currency, &mut content);
    let _ = writeln!(content, "<p>Total paid {}</p>", currency.price(total));
    page(200, "Your order is complete", &content, session)
}
