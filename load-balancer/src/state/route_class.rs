//! Finds the route class of a request: its method and its path, without the parts that vary from request to
//! request.
//!
//! A learned policy expects a certain cost for each class. Which segments vary, [`is_variable`] says. Each pool
//! numbers its classes in the order of their first requests; 0 stands for all classes after the numbers are
//! used up, so that a client that invents paths cannot fill the memory.
//!
//! Each thread keeps the numbers that it has used, so that a known class costs one hash of the path and one
//! look-up: no lock, no allocation.

use http::Method;
use lb_core::hints::is_variable;
use lb_core::policy::learned::CLASSES;
use lb_core::rng::mix;
use parking_lot::Mutex;
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Placeholder for a variable segment.
const VARIABLE: &str = "{}";

/// The classes of one pool, by number.
#[derive(Default)]
pub(crate) struct RouteClasses {
    known: Mutex<Known>,
    full: AtomicBool,
}

#[derive(Default)]
struct Known {
    numbers: HashMap<u64, u16>,
    names: Vec<Arc<str>>,
}

impl RouteClasses {
    /// Returns the name of a class, such as `GET /cart-service/api/items/{}`; `None` for class 0.
    pub(crate) fn name(&self, class: u16) -> Option<Arc<str>> {
        let place = usize::from(class).checked_sub(1)?;
        self.known.lock().names.get(place).cloned()
    }

    /// Returns the number of a class that this thread has not seen; `None` if all numbers are used up.
    fn number(&self, key: u64, name: impl FnOnce() -> String) -> Option<u16> {
        let mut known = self.known.lock();
        if let Some(number) = known.numbers.get(&key) {
            return Some(*number);
        }
        if known.names.len() + 1 >= CLASSES {
            self.full.store(true, Relaxed);
            return None;
        }
        known.names.push(name().into());
        let number = known.names.len() as u16;
        known.numbers.insert(key, number);
        Some(number)
    }
}

/// The classes that one thread has seen, over all pools.
#[derive(Default)]
pub(crate) struct MetClasses(RefCell<HashMap<u64, u16, BuildHasherDefault<Ready>>>);

impl MetClasses {
    /// Returns the class of a request to `service`, whose pool numbers its classes in `classes`. `rest` is
    /// the path and query after the service.
    pub(crate) fn class(&self, classes: &RouteClasses, method: &Method, service: &str, rest: &str) -> u16 {
        let path = rest.split('?').next().unwrap_or(rest);
        let key = key(method, service, path);
        if let Some(number) = self.0.borrow().get(&key) {
            return *number;
        }
        if classes.full.load(Relaxed) {
            return 0;
        }
        match classes.number(key, || name(method, service, path)) {
            Some(number) => {
                self.0.borrow_mut().insert(key, number);
                number
            }
            None => 0,
        }
    }
}

/// Hashes the method, the service and the folded path.
fn key(method: &Method, service: &str, path: &str) -> u64 {
    let mut hash = add(add(0, method.as_str()), service);
    for segment in path.split('/') {
        hash = add(hash, if is_variable(segment) { VARIABLE } else { segment });
    }
    mix(hash)
}

/// Adds a word to a hash, eight bytes at a time; its length keeps `a/bc` apart from `ab/c`.
fn add(hash: u64, word: &str) -> u64 {
    /// 2^64 over the golden ratio: odd, with bits everywhere.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let step = |hash: u64, value: u64| (hash.rotate_left(23) ^ value).wrapping_mul(FACTOR);
    word.as_bytes().chunks(8).fold(step(hash, word.len() as u64), |hash, chunk| {
        let mut bytes = [0; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        step(hash, u64::from_le_bytes(bytes))
    })
}

fn name(method: &Method, service: &str, path: &str) -> String {
    let folded: Vec<&str> =
        path.split('/').map(|segment| if is_variable(segment) { VARIABLE } else { segment }).collect();
    format!("{method} /{service}{}", folded.join("/"))
}

/// A hasher for keys that are hashes.
#[derive(Default)]
pub(super) struct Ready(u64);

impl Hasher for Ready {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| mix(hash ^ u64::from(*byte)));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_route_is_one_class_whatever_its_parameters() {
        let (classes, met) = (RouteClasses::default(), MetClasses::default());
        let class = |method: Method, rest: &str| met.class(&classes, &method, "shop", rest);
        let first = class(Method::GET, "/api/product/17?colour=red");
        assert_eq!(first, 1, "numbers begin at 1: 0 is for the unknown");
        assert_eq!(class(Method::GET, "/api/product/18"), first, "ids are folded, queries left out");
        let others = [
            class(Method::POST, "/api/product/18"),
            class(Method::GET, "/api/products"),
            class(Method::GET, "/api/product"),
            class(Method::GET, ""),
            met.class(&classes, &Method::GET, "depot", "/api/product/17"),
        ];
        assert_eq!(others, [2, 3, 4, 5, 6], "method, path and service each tell routes apart");
        assert_eq!(classes.name(1).as_deref(), Some("GET /shop/api/product/{}"));
        assert_eq!(classes.name(0), None, "0 stands for many");
        let other_thread = MetClasses::default();
        assert_eq!(
            other_thread.class(&classes, &Method::GET, "depot", "/api/product/3"),
            6,
            "all threads use the numbers of the pool"
        );
    }

    #[test]
    fn paths_without_end_share_the_class_0() {
        let (classes, met) = (RouteClasses::default(), MetClasses::default());
        let made_up = |i: usize| "x".repeat(i + 1);
        let class = |i| met.class(&classes, &Method::GET, "shop", &format!("/{}", made_up(i)));
        for i in 0..CLASSES - 1 {
            assert_eq!(usize::from(class(i)), i + 1);
        }
        for i in CLASSES..CLASSES + 1_000 {
            assert_eq!(class(i), 0, "no number is left");
        }
        assert_eq!(class(0), 1, "known classes keep theirs");
        assert_eq!(met.0.borrow().len(), CLASSES - 1, "and the rest is not remembered");
    }
}
