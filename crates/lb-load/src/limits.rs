//! The limit on open connections, and how connections are divided among the workers.

use crate::error::LoadError;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The number of files that a process opens besides the connections of the load.
const OTHER_FILES: u64 = 128;

/// Makes room for one connection per user of closed stages, and for up to `sessions` sessions of open ones.
/// The usual soft limit of 1,024 open files protects programs that use `select`; any other process may raise
/// it to the hard limit. Returns the number of sessions that there is room for.
///
/// # Errors
/// When there is too little room for the users. Too little room for the sessions is not an error, because
/// they rarely need as many connections as they may have.
pub(crate) fn make_room(users: u32, sessions: u32) -> Result<u32, LoadError> {
    let needed = u64::from(users) + OTHER_FILES;
    let wanted = needed + u64::from(sessions);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let mut limit = current.unwrap_or(u64::MAX);
    if limit < wanted {
        let most = maximum.unwrap_or(wanted);
        if setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum }).is_ok() {
            limit = most;
        }
    }
    let Some(left) = limit.checked_sub(needed) else {
        return Err(LoadError::OpenFiles { users, limit, needed });
    };
    let room = u32::try_from(left).unwrap_or(u32::MAX).min(sessions);
    if room < sessions {
        tracing::info!(
            limit,
            room,
            sessions,
            "the limit on open files caps the sessions in flight; see `ulimit -n`"
        );
    }
    Ok(room)
}

/// Returns the most users that this process can have room for with `lanes` connections each, given the hard limit of open
/// files; and that limit, `None` if there is none.
pub fn most_users(lanes: usize) -> (u32, Option<u64>) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let limit = maximum.or(current);
    let room = limit.map_or(u64::MAX, |limit| limit.saturating_sub(OTHER_FILES)) / (lanes.max(1) as u64);
    (u32::try_from(room).unwrap_or(u32::MAX), limit)
}

/// Returns the number of items that worker `number` gets when `total` items are dealt out in turn.
pub(crate) fn part(total: usize, workers: usize, number: usize) -> usize {
    total / workers + usize::from(number < total % workers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_differ_by_one_at_most() {
        for (total, workers) in [(0, 3), (1, 3), (10, 3), (10_000, 7)] {
            let parts: Vec<usize> = (0..workers).map(|number| part(total, workers, number)).collect();
            assert_eq!(parts.iter().sum::<usize>(), total, "{total} over {workers}");
            let (least, most) = (parts[workers - 1], parts[0]);
            assert!(most - least <= 1, "{parts:?}");
        }
    }
}
