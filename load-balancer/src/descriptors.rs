//! How many connections the process may have, given its limit on open files.
//!
//! Without a limit of their own, idle strangers on the data port could use up all descriptors, and then neither the
//! admin API nor a health check would get one. So a part is kept back, and clients and backends share the rest:
//! each client has at most one request at a time, and thus needs at most one backend.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for everything but connections of the data port, at least: the admin API, health checks, files,
/// listeners.
const LEAST_RESERVE: usize = 64;
/// Descriptors of each data thread: its runtime and its listener.
const PER_THREAD: usize = 8;
/// The least number of connections of a data thread.
const LEAST: usize = 4;

/// Returns how many connections each of `threads` data threads may have on either side. Raises the soft limit on
/// open files to the hard one before; it protects programs that use `select`, and this one does not.
pub(crate) fn connections_per_thread(threads: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let limit = if raised { maximum } else { current };
    share(limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)), threads)
}

/// Returns the same for a process that may have `limit` files open.
fn share(limit: usize, threads: usize) -> usize {
    let reserve = LEAST_RESERVE.max(limit / 8) + threads * PER_THREAD;
    (limit.saturating_sub(reserve) / 2 / threads).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_and_backends_together_leave_room_for_everything_else() {
        for (limit, threads, connections) in
            [(256, 1, 92), (256, 2, 44), (1024, 1, 444), (524_288, 1, 229_372), (64, 1, 4)]
        {
            assert_eq!(share(limit, threads), connections, "{limit} files, {threads} threads");
        }
        assert!(share(usize::MAX, 1) > 1 << 40, "no limit is no limit");
    }
}
