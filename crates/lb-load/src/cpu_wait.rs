//! Measures how long a thread waited for a CPU, which shows whether the generator kept up.

use lb_core::Span;

/// Returns how long this thread has waited in the run queue since it started; `None` if the system does not
/// report it.
pub(crate) fn of_this_thread() -> Option<Span> {
    parse(&std::fs::read_to_string("/proc/thread-self/schedstat").ok()?)
}

/// Parses Linux's `schedstat` of a task: time on a CPU, time waiting for one (both ns), and time slices
/// (kernel documentation, scheduler/sched-stats).
fn parse(text: &str) -> Option<Span> {
    text.split_whitespace().nth(1)?.parse().ok().map(Span::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_figure_is_the_time_spent_waiting() {
        assert_eq!(parse("8231123 2365573 17\n"), Some(Span::from_nanos(2_365_573)));
        for odd in ["", "12", "a b c"] {
            assert_eq!(parse(odd), None, "`{odd}` has no such figure");
        }
    }
}
