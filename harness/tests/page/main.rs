//! The page of `bench ui` in a real browser.

fn main() {}
