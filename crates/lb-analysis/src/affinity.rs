//! Tells from the replies whether users are kept where they are, as sticky cookies do.
//!
//! Then the shares of the backends follow the users and not the algorithm. The rule looks at pairs of replies that one
//! user got one after the other. Let f be the fraction of pairs from one backend, and c the same for two replies of any
//! users within one second, which is what an algorithm that does not look at users gives, also while it prefers some
//! backends for a time. Users are kept where they are if f is at least [`CLEAR`], at least half way from c to 1, and
//! above c by more than [`SIGMAS`] standard deviations of a fraction c of so many pairs. Sessions that end and begin at
//! another backend cost one pair each.

use lb_core::Algorithm;
use lb_core::algorithm::Behaviour;
use lb_record::TrialRecord;

/// The fewest replies of a user that counts.
const LEAST: u32 = 10;
/// The smallest fraction of pairs from one backend.
const CLEAR: f64 = 0.8;
/// How far chance is left behind.
const SIGMAS: f64 = 5.0;

/// Returns a sentence about users that are kept where they are; `None` if they are not, or if the algorithm called
/// `label` itself keeps clients at a backend.
pub fn affinity(label: &str, record: &TrialRecord) -> Option<String> {
    let by_design = label.parse().is_ok_and(|known: Algorithm| known.behaviour() == Behaviour::Affinity);
    let served = record.backends.iter().filter(|backend| backend.requests() > 0).count();
    if by_design || served < 2 {
        return None;
    }
    let users = || record.users.iter().filter(|user| user.named >= LEAST);
    let pairs: f64 = users().map(|user| f64::from(user.named - 1)).sum();
    let moves: f64 = users().map(|user| f64::from(user.moves)).sum();
    let by_chance = same_within_seconds(record)?;
    let stayed = 1.0 - moves / pairs;
    let deviation = (by_chance * (1.0 - by_chance) / pairs).sqrt();
    // Without users, nothing is a number, and no comparison holds.
    let kept =
        stayed >= CLEAR && stayed >= f64::midpoint(by_chance, 1.0) && stayed - by_chance > SIGMAS * deviation;
    kept.then(|| {
        let count = users().count();
        format!(
            "{:.0} % of the replies to {count} users came from the same backend as the reply before, where {:.0} % would \
             by chance: users are kept where they are, as by a sticky cookie, so the shares of the {served} backends \
             follow the users and not the algorithm",
            100.0 * stayed,
            100.0 * by_chance,
        )
    })
}

/// Returns the probability that two replies of one second come from the same backend; `None` if no second has two.
fn same_within_seconds(record: &TrialRecord) -> Option<f64> {
    let (mut weighed, mut all) = (0.0, 0.0);
    for second in &record.seconds {
        let counts = second.backends.iter().map(|count| f64::from(*count));
        let replies: f64 = counts.clone().sum();
        if replies > 1.0 {
            let same: f64 = counts.map(|count| count * (count - 1.0)).sum();
            weighed += same / (replies - 1.0);
            all += replies;
        }
    }
    (all > 0.0).then(|| weighed / all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::workload::{ActionIndex, Observer, Sample, StepIndex, UserId, UserPlan};
    use lb_core::{Outcome, Span, Time};
    use lb_record::{Population, Recording, RecordingSpec};

    /// A trial in which each user sends a request every 100 ms, the n-th of which `place` sends to a backend.
    fn trial(users: u32, requests: u32, place: impl Fn(u32, u32) -> u32) -> TrialRecord {
        let windows = vec![(Time::ZERO, Time::ZERO + Span::from_secs(60))];
        let plan = |id| UserPlan { id: UserId(id), class: 0, stage: 0, windows: windows.clone() };
        let plans: Vec<UserPlan> = (0..users).map(plan).collect();
        let spec = RecordingSpec {
            steps: 1,
            backends: 3,
            population: Population::of(&plans),
            ..RecordingSpec::default()
        };
        let (recording, mut recorders) = Recording::start(spec, 1);
        for number in 0..requests {
            for user in 0..users {
                let sent = Time::ZERO + Span::from_millis(u64::from(100 * number));
                recorders[0].sample(&Sample {
                    user: UserId(user),
                    action: ActionIndex(0),
                    step: StepIndex(0),
                    intended: sent,
                    sent,
                    done: sent + Span::from_millis(1),
                    outcome: Outcome::Ok,
                    status: 200,
                    backend: Some(place(user, number) as u16),
                    bytes: 1,
                });
            }
        }
        recording.finish(recorders, Span::from_secs(60))
    }

    fn sticky(user: u32, _: u32) -> u32 {
        user % 3
    }

    #[test]
    fn users_that_are_kept_at_one_of_several_backends_are_told() {
        let note = affinity("round-robin", &trial(12, 20, sticky)).expect("they are kept");
        assert!(note.starts_with("100 % of the replies to 12 users"), "{note}");
        assert!(note.contains("shares of the 3 backends follow the users"), "{note}");
        // A new session every ten requests begins anywhere.
        let sessions = trial(12, 20, |user, number| (user + number / 10) % 3);
        let note = affinity("as-it-is", &sessions).expect("they are kept within a session");
        assert!(note.starts_with("95 % of the replies"), "{note}");
    }

    #[test]
    fn what_chance_time_or_the_algorithm_explains_is_not_told() {
        let none = |label, record: &TrialRecord| assert_eq!(affinity(label, record), None);
        none("round-robin", &trial(12, 20, |user, number| (user + number) % 3));
        none("ip-hash", &trial(12, 20, sticky));
        none("round-robin", &trial(12, 9, sticky));
        none("round-robin", &trial(12, 20, |_, _| 1));
        // One backend answers nearly everything, and one is used for a time after the other.
        none("round-robin", &trial(40, 20, |user, number| u32::from(user == 0 && number == 0)));
        none("least-connections", &trial(12, 30, |_, number| number / 10));
        none("round-robin", &trial(1, 60, |_, number| number / 30));
        none("round-robin", &trial(0, 0, sticky));
    }
}
