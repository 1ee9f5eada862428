//! What the shop sells, and in which currencies.
//!
//! Ids, names and prices are those of the demo, because the load that is written for it names them.

use std::fmt::{self, Display};

/// A product.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    pub(super) id: &'static str,
    /// As HTML.
    pub(super) name: &'static str,
    /// Price in US cents.
    pub(super) cents: u64,
}

/// All products.
pub(super) const PRODUCTS: [Product; 9] = [
    Product { id: "OLJCESPC7Z", name: "Sunglasses", cents: 1999 },
    Product { id: "66VCHSJNUP", name: "Tank Top", cents: 1899 },
    Product { id: "1YMWWN1N4O", name: "Watch", cents: 10_999 },
    Product { id: "L9ECAV7KIM", name: "Loafers", cents: 8999 },
    Product { id: "2ZYFJ3GM2N", name: "Hairdryer", cents: 2499 },
    Product { id: "0PUK6V6EV0", name: "Candle Holder", cents: 1899 },
    Product { id: "LS4PSXUNUM", name: "Salt &amp; Pepper Shakers", cents: 1849 },
    Product { id: "9SIQT8TOJO", name: "Bamboo Glass Jar", cents: 549 },
    Product { id: "6E92ZMYYFZ", name: "Mug", cents: 899 },
];

/// Returns the position of the product with this id.
pub(super) fn find(id: &str) -> Option<usize> {
    PRODUCTS.iter().position(|product| product.id == id)
}

/// A currency: its code, and how much of it a dollar buys, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Currency(&'static str, u64);

/// The currencies that visitors can choose. The rates are fixed, so that pages stay the same.
const CURRENCIES: [Currency; 6] = [
    Currency("EUR", 900),
    Currency("USD", 1000),
    Currency("JPY", 150_000),
    Currency("CAD", 1350),
    Currency("GBP", 780),
    Currency("TRY", 33_000),
];

impl Default for Currency {
    /// Returns the currency of a visitor who has chosen none.
    fn default() -> Self {
        Self("USD", 1000)
    }
}

impl Currency {
    /// Returns the currency with this code.
    pub(super) fn named(code: &str) -> Option<Self> {
        CURRENCIES.into_iter().find(|currency| currency.0 == code)
    }

    pub(super) fn code(self) -> &'static str {
        self.0
    }

    /// Returns all codes, for a message.
    pub(super) fn codes() -> String {
        CURRENCIES.map(Self::code).join(", ")
    }

    /// Returns an amount of US cents in this currency, as text such as `EUR 17.99`.
    pub(super) fn price(self, cents: u64) -> impl Display {
        Price(self, cents)
    }
}

struct Price(Currency, u64);

impl Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Currency(code, rate), cents) = *self;
        let cents = cents.saturating_mul(rate) / 1000;
        write!(f, "{code} {}.{:02}", cents / 100, cents % 100)
    }
}
