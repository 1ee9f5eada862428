//! Finds a request in the list of those that were sent to a backend and have not ended, oldest first.

use crate::time::Time;
use std::collections::VecDeque;

/// Returns the place of the request that was sent at `sent`. The oldest come first, so it is found near the front. If a
/// driver's clocks disagree, it is the place of the oldest one, so that the list cannot grow. Requests that were sent before
/// the list began are not in it: `None`.
#[inline]
pub(in crate::policy) fn place_of<T>(
    outstanding: &VecDeque<T>,
    sent: Time,
    at: impl Fn(&T) -> Time,
) -> Option<usize> {
    if outstanding.front().is_none_or(|oldest| sent < at(oldest)) {
        return None;
    }
    Some(outstanding.iter().position(|one| at(one) == sent).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    #[test]
    fn a_request_is_found_by_its_time_and_else_the_oldest_is_taken() {
        let at = |millis| Time::ZERO + Span::from_millis(millis);
        let list = VecDeque::from([at(10), at(20), at(30)]);
        let place = |millis| place_of(&list, at(millis), |one| *one);
        assert_eq!([place(10), place(30)], [Some(0), Some(2)]);
        assert_eq!(place(25), Some(0), "the clocks disagree");
        assert_eq!(place(9), None, "it was sent before the list began");
        assert_eq!(place_of(&VecDeque::new(), at(1), |one: &Time| *one), None);
    }
}
