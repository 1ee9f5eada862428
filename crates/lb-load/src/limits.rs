//! How many connections the system lets the generator have, and how many the workers.

use crate::error::LoadError;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that a process has open besides connections of the load.
const OTHER_FILES: u64 = 128;

/// Makes room for one connection a user of closed stages, and for up to `sessions` of open ones: the
/// usual soft limit of 1,024 open files is for programs that still use `select`, and the hard one is
/// ours to take. Gives how many sessions there is room for.
///
/// # Errors
/// When there are too few for the users. For the sessions there are rarely as many needed as allowed.
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
        tracing::info!(limit, room, sessions, "open files bound the sessions in flight; see `ulimit -n`");
    }
    Ok(room)
}

/// A worker's part of `total` things that are dealt out to `workers`.
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
