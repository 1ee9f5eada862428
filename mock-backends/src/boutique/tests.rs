//! Visits to the shop for browsers.

use super::*;
use crate::catalogue::default_catalogue;
use crate::store::Limits;
use lb_core::Seed;

/// A visitor who keeps cookies as a browser does.
struct Visitor {
    store: Store,
    cookies: Vec<(String, String)>,
}

impl Visitor {
    fn new() -> Self {
        let store = Store::new(&default_catalogue(), Seed(1), Limits::default());
        Self { store, cookies: Vec::new() }
    }

    fn send(&mut self, method: &str, path: &str, referer: Option<&str>, body: &str) -> Page {
        let header: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = header.join("; ");
        let visit = Visit { method, path, cookies: &cookies, referer, body: body.as_bytes() };
        let page = answer(&mut self.store, &visit);
        for cookie in &page.cookies {
            let (pair, attributes) = cookie.split_once("; ").expect("attributes");
            let (name, value) = pair.split_once('=').expect("a pair");
            self.cookies.retain(|(known, _)| known != name);
            if !attributes.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        page
    }

    fn get(&mut self, path: &str) -> Page {
        self.send("GET", path, None, "")
    }

    fn post(&mut self, path: &str, body: &str) -> Page {
        self.send("POST", path, None, body)
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

const ORDER: &str = "email=ada%40shop.example&street_address=1+Mill+Lane&zip_code=94043&city=Austin&state=TX\
                     &country=USA&credit_card_number=4111-1111-1111-1111&credit_card_expiration_month=1\
                     &credit_card_expiration_year=2039&credit_card_cvv=672";

fn leads(page: &Page) -> (u16, Option<&str>) {
    (page.status, page.location.as_deref())
}

#[test]
fn a_visit_begins_a_session_that_every_page_names() {
    let mut ada = Visitor::new();
    let home = ada.get("/");
    assert_eq!(home.status, 200);
    let session = ada.cookie(SESSION).expect("the first visit sets it").to_owned();
    let foot = format!("session-id: {session}");
    assert!(home.html.contains(&foot), "{}", home.html);
    for path in ["/", "/cart", "/product/6E92ZMYYFZ", "/product/none", "/none"] {
        let page = ada.get(path);
        assert!(page.html.contains(&foot), "{path}: {}", page.html);
        assert!(page.cookies.is_empty(), "{path}: a known visitor gets no further session");
    }
    ada.cookies.clear();
    ada.get("/cart");
    assert_ne!(ada.cookie(SESSION), Some(session.as_str()), "who comes without cookies is somebody else");
}

#[test]
fn a_cart_fills_and_an_order_empties_it() {
    let mut ada = Visitor::new();
    for quantity in [2, 3] {
        let added = ada.post("/cart", &format!("product_id=LS4PSXUNUM&quantity={quantity}"));
        assert_eq!(leads(&added), (302, Some("/cart")));
    }
    let cart = ada.get("/cart").html;
    assert!(cart.contains("Salt &amp; Pepper Shakers, SKU #LS4PSXUNUM, Quantity: 5, USD 92.45"), "{cart}");
    assert!(cart.contains("Total USD 101.44"), "with shipping: {cart}");
    let order = ada.post("/cart/checkout", ORDER);
    assert_eq!(order.status, 200, "{}", order.html);
    assert!(order.html.contains("Total paid USD 101.44") && order.html.contains("LS4PSXUNUM"));
    assert!(ada.get("/cart").html.contains("Your cart is empty"));
    ada.post("/cart", "product_id=6E92ZMYYFZ&quantity=1");
    assert_eq!(leads(&ada.post("/cart/empty", "")), (302, Some("/")));
    assert!(ada.get("/cart").html.contains("Your cart is empty"));
}

#[test]
fn the_currency_is_kept_in_a_cookie_and_leads_back() {
    let mut ada = Visitor::new();
    assert!(ada.get("/product/6E92ZMYYFZ").html.contains("USD 8.99"));
    let back = ada.send("POST", "/setCurrency", Some("http://shop.example/cart"), "currency_code=EUR");
    assert_eq!(leads(&back), (302, Some("http://shop.example/cart")));
    assert_eq!(ada.cookie(CURRENCY), Some("EUR"));
    assert!(ada.get("/product/6E92ZMYYFZ").html.contains("EUR 8.09"));
    assert_eq!(leads(&ada.post("/setCurrency", "currency_code=GBP")), (302, Some("/")), "without a referer");
    let refused = ada.post("/setCurrency", "currency_code=gold");
    assert!(refused.status == 422 && refused.html.contains("EUR, USD"), "{}", refused.html);
}

#[test]
fn who_logs_out_comes_back_as_another() {
    let mut ada = Visitor::new();
    ada.post("/cart", "product_id=6E92ZMYYFZ&quantity=1");
    ada.post("/setCurrency", "currency_code=EUR");
    let before = ada.cookie(SESSION).map(str::to_owned);
    assert_eq!(leads(&ada.get("/logout")), (302, Some("/")));
    assert!(ada.cookies.is_empty(), "{:?}", ada.cookies);
    assert!(ada.get("/cart").html.contains("Your cart is empty"));
    assert!(ada.cookie(SESSION).is_some() && ada.cookie(SESSION) != before.as_deref());
    assert!(Visitor::new().get("/logout").cookies.is_empty(), "there is nothing to delete");
}

#[test]
fn what_the_shop_does_not_have_is_refused() {
    let mut ada = Visitor::new();
    for (method, path, body, status) in [
        ("GET", "/none", "", 404),
        ("GET", "/product/NONE", "", 404),
        ("GET", "/product/", "", 404),
        ("GET", "/cart/empty", "", 405),
        ("DELETE", "/cart", "", 405),
        ("POST", "/cart", "product_id=NONE&quantity=1", 404),
        ("POST", "/cart", "product_id=6E92ZMYYFZ&quantity=0", 422),
        ("POST", "/cart", "product_id=6E92ZMYYFZ&quantity=11", 422),
        ("POST", "/cart", "\u{fffd}", 422),
        ("POST", "/cart/checkout", "", 422),
    ] {
        assert_eq!(ada.send(method, path, None, body).status, status, "{method} {path} {body}");
    }
    for (right, wrong, named) in [
        ("ada%40shop.example", "ada", "email"),
        ("94043", "x", "zip_code"),
        ("1111&", "1112&", "credit_card_number"),
        ("month=1", "month=13", "credit_card_expiration_month"),
        ("TX", "+", "state"),
    ] {
        let page = ada.post("/cart/checkout", &ORDER.replace(right, wrong));
        assert!(page.status == 422 && page.html.contains(&format!("{named} must be")), "{}", page.html);
    }
}

#[test]
fn a_session_id_that_could_be_markup_is_not_taken() {
    let mut ada = Visitor::new();
    for id in ["<script>", "", &"x".repeat(65)] {
        ada.cookies = vec![(SESSION.to_owned(), id.to_owned())];
        let page = ada.get("/");
        assert!(!page.html.contains("<script>"), "{}", page.html);
        assert_eq!(ada.cookie(SESSION).map(str::len), Some(36), "a new one replaces {id}");
    }
}

#[test]
fn calls_have_templates_for_the_metrics() {
    for (path, expected) in [
        ("/", Some("/")),
        ("/cart/checkout", Some("/cart/checkout")),
        ("/product/6E92ZMYYFZ", Some("/product/{id}")),
        ("/product/a/b", None),
        ("/none", None),
    ] {
        assert_eq!(template(path), expected, "{path}");
    }
}
