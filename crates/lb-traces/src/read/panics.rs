//! Turns panics of the Parquet decoder into errors.
//!
//! The decoder checks most, but not all, of what a file says about itself before it uses it as an index or a length.
//! Nothing of the decoder is used after a panic, so its state does not matter.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether this thread is within [`caught`], where a panic is an error and not to be printed.
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Calls `work`, and returns the message of its panic as an error.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |panic| {
            if !CATCHING.get() {
                print(panic);
            }
        }));
    });
    CATCHING.set(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    CATCHING.set(false);
    result.map_err(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
        format!("its content contradicts itself ({})", said.unwrap_or("the decoder gave up"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_and_the_next_call_works() {
        assert_eq!(caught(|| 1), Ok(1));
        let index = std::hint::black_box(3);
        let error = caught(|| [1, 2][index]).expect_err("there is no third element");
        assert!(error.contains("index out of bounds"), "{error}");
        assert_eq!(caught(|| 2), Ok(2));
    }
}
