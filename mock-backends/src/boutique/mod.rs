//! A web shop for browsers: HTML pages at `/`, forms, cookies and redirects.
//!
//! It speaks the HTTP interface of the frontend of Google's Online Boutique (`microservices-demo`), so that load
//! written for that demo runs here too. `api` is the other shop, which speaks JSON and tokens.
//!
//! | Call | Reply |
//! |---|---|
//! | GET `/` | 200 the products |
//! | GET `/product/{id}` | 200 one product; 404 |
//! | POST `/setCurrency`, form `currency_code` | 302 to the `Referer` or `/`, sets the cookie `shop_currency`; 422 |
//! | GET `/cart` | 200 the cart |
//! | POST `/cart`, form `product_id`, `quantity` (1 to 10) | 302 to `/cart`; 404 unknown product; 422 |
//! | POST `/cart/empty` | 302 to `/` |
//! | POST `/cart/checkout`, form with address and card | 200 the order, and the cart is empty; 422 |
//! | GET `/logout` | 302 to `/`, deletes the cookies |
//! | GET `/_healthz` | 200 `ok` |
//!
//! A visitor without the cookie `shop_session-id` gets a new session with any reply but that of `/_healthz`. The carts
//! are in the store that all backends share. Each page ends with the session that it was made for, so that a check can
//! tell whose cart it shows. Pages contain no times, so that equal requests get equal pages.

mod checkout;
mod pages;
mod products;

use crate::cookies::{self, cookie, deletion, is_session};
use crate::store::Store;
use crate::uri::{decode, decode_parameter};
use products::Currency;

/// The service that a topology names for the pools that serve this shop.
pub(crate) const SERVICE: &str = lb_core::topology::PAGES;

/// The cookie that names the session of a visitor.
const SESSION: &str = "shop_session-id";
/// The cookie that holds the currency in which a visitor sees prices.
const CURRENCY: &str = "shop_currency";

/// The path of health checks, which are answered at once.
pub(crate) const HEALTH: &str = "/_healthz";

/// The largest quantity that can be added at once.
const MOST: u32 = 10;

/// A request as the shop sees it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Visit<'a> {
    pub(crate) method: &'a str,
    /// Path without the query.
    pub(crate) path: &'a str,
    /// The values of all `Cookie` headers, joined by `; `.
    pub(crate) cookies: &'a str,
    /// The page that the visitor comes from.
    pub(crate) referer: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

/// A reply: HTML, or a redirect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) html: String,
    /// Where a redirect leads.
    pub(crate) location: Option<String>,
    /// Values of `Set-Cookie` headers.
    pub(crate) cookies: Vec<String>,
}

impl Page {
    fn redirect(location: &str) -> Self {
        Self { status: 302, location: Some(location.to_owned()), ..Self::default() }
    }
}

/// The calls of the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call<'a> {
    Home,
    Product(&'a str),
    SetCurrency,
    ShowCart,
    AddToCart,
    EmptyCart,
    Checkout,
    Logout,
}

/// Finds the call; the error is the status for a path or method that the shop does not have.
fn find<'a>(method: &str, path: &'a str) -> Result<Call<'a>, u16> {
    let (calls, other): (Call<'a>, Option<Call<'a>>) = match path {
        "/" => (Call::Home, None),
        "/setCurrency" => (Call::SetCurrency, None),
        "/cart" => (Call::ShowCart, Some(Call::AddToCart)),
        "/cart/empty" => (Call::EmptyCart, None),
        "/cart/checkout" => (Call::Checkout, None),
        "/logout" => (Call::Logout, None),
        _ => match path.strip_prefix("/product/") {
            Some(id) if !id.is_empty() && !id.contains('/') => (Call::Product(id), None),
            _ => return Err(404),
        },
    };
    let fits = |call: &Call<'_>| match call {
        Call::SetCurrency | Call::AddToCart | Call::EmptyCart | Call::Checkout => method == "POST",
        Call::Home | Call::Product(_) | Call::ShowCart | Call::Logout => matches!(method, "GET" | "HEAD"),
    };
    [Some(calls), other].into_iter().flatten().find(fits).ok_or(405)
}

/// Returns the path of the call that a path belongs to, such as `/product/{id}`; `None` if the shop has none.
pub(crate) fn template(path: &str) -> Option<&'static str> {
    const PATHS: [&str; 6] = ["/", "/setCurrency", "/cart", "/cart/empty", "/cart/checkout", "/logout"];
    let known = PATHS.into_iter().find(|known| *known == path);
    known.or_else(|| matches!(find("GET", path), Ok(Call::Product(_))).then_some("/product/{id}"))
}

/// Answers a health check.
pub(crate) fn healthy() -> Page {
    Page { status: 200, html: "ok".to_owned(), ..Page::default() }
}

/// Answers a request.
pub(crate) fn answer(store: &mut Store, visit: &Visit<'_>) -> Page {
    let call = find(visit.method, visit.path);
    let known = cookie(visit.cookies, SESSION).filter(|id| is_session(id));
    let new = known.is_none();
    let session = known.map_or_else(|| store.carts.new_session(), str::to_owned);
    let currency = cookie(visit.cookies, CURRENCY).and_then(Currency::named).unwrap_or_default();
    let mut page = match call {
        Ok(call) => carry_out(store, call, visit, &session, currency),
        Err(404) => pages::problem(404, "there is no such page", &session),
        Err(status) => pages::problem(status, "the method is not allowed here", &session),
    };
    // Whoever logs out gets a new session with the page that follows.
    if new && call != Ok(Call::Logout) {
        page.cookies.push(cookies::lasting(SESSION, &session));
    }
    page
}

fn carry_out(
    store: &mut Store,
    call: Call<'_>,
    visit: &Visit<'_>,
    session: &str,
    currency: Currency,
) -> Page {
    match call {
        Call::Home => pages::home(store.carts.of(session), session, currency),
        Call::Product(id) => match products::find(&decode(id)) {
            Some(product) => pages::product(product, store.carts.of(session), session, currency),
            None => pages::problem(404, "there is no such product", session),
        },
        Call::ShowCart => pages::cart(store.carts.of(session), session, currency),
        Call::SetCurrency => set_currency(visit, session),
        Call::AddToCart => add(store, visit, session),
        Call::EmptyCart => {
            store.carts.empty(session);
            Page::redirect("/")
        }
        Call::Checkout => match checkout::check(form(visit)) {
            Ok(()) => {
                let lines = store.carts.empty(session);
                let order = store.carts.new_session();
                pages::order(&order, &lines, session, currency)
            }
            Err(problem) => pages::problem(422, &problem, session),
        },
        Call::Logout => {
            let sent = [SESSION, CURRENCY].into_iter().filter(|name| cookie(visit.cookies, name).is_some());
            Page { cookies: sent.map(deletion).collect(), ..Page::redirect("/") }
        }
    }
}

/// Returns the body as a form; empty if it is no text.
fn form<'a>(visit: &Visit<'a>) -> &'a str {
    std::str::from_utf8(visit.body).unwrap_or_default()
}

fn set_currency(visit: &Visit<'_>, session: &str) -> Page {
    let code = decode_parameter(form(visit), "currency_code").unwrap_or_default();
    match Currency::named(&code) {
        Some(currency) => Page {
            cookies: vec![cookies::lasting(CURRENCY, currency.code())],
            ..Page::redirect(visit.referer.unwrap_or("/"))
        },
        None => {
            let problem = format!("currency_code must be one of {}", Currency::codes());
            pages::problem(422, &problem, session)
        }
    }
}

fn add(store: &mut Store, visit: &Visit<'_>, session: &str) -> Page {
    let field = |name| decode_parameter(form(visit), name).unwrap_or_default();
    let quantity = field("quantity").parse().ok().filter(|quantity| (1..=MOST).contains(quantity));
    let Some(quantity) = quantity else {
        let problem = format!("quantity must be a whole number from 1 to {MOST}");
        return pages::problem(422, &problem, session);
    };
    let Some(product) = products::find(&field("product_id")) else {
        return pages::problem(404, "product_id names no product of this shop", session);
    };
    store.carts.add(session, product, quantity);
    Page::redirect("/cart")
}

#[cfg(test)]
mod tests;
