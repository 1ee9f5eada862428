//! Groups the problems of many trials, so that each is reported once: texts that differ only in numbers are
//! one kind.

/// The advice for when a busy machine made trials invalid.
pub const BUSY_MACHINE_WAY_OUT: &str = "stop other programs, lower the load (--users), or give the generator a core of its \
                                       own; --accept-invalid counts such trials, with a warning";

/// The beginnings of problems that a busy machine explains, as [`crate::problems`] writes them.
const OF_BUSY_MACHINE: [&str; 2] = ["the generator was late", "the CPUs of the generator were saturated"];

/// One kind of problem, and where it occurred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemKind<'a, T> {
    /// The first problem of this kind, as a sentence without a full stop.
    pub problem: &'a str,
    /// The places where it occurred, in order.
    pub places: Vec<T>,
}

impl<T> ProblemKind<'_, T> {
    /// Returns what is wrong, without the advice.
    pub fn finding(&self) -> &str {
        self.problem.split(';').next().unwrap_or_default()
    }

    /// Returns whether a busy machine explains the problem.
    pub fn is_of_busy_machine(&self) -> bool {
        OF_BUSY_MACHINE.iter().any(|beginning| self.problem.starts_with(beginning))
    }
}

/// Groups problems, each with its place, in the order in which their kinds first occur.
pub fn problem_kinds<'a, T>(problems: impl IntoIterator<Item = (&'a str, T)>) -> Vec<ProblemKind<'a, T>> {
    let mut kinds: Vec<ProblemKind<'a, T>> = Vec::new();
    for (problem, place) in problems {
        match kinds.iter_mut().find(|kind| without_numbers(kind.problem) == without_numbers(problem)) {
            Some(kind) => kind.places.push(place),
            None => kinds.push(ProblemKind { problem, places: vec![place] }),
        }
    }
    kinds
}

/// Returns a text without its digits, points and commas: texts that differ only in numbers become equal.
pub fn without_numbers(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit() && !matches!(c, '.' | ',')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Demands;
    use lb_core::{Algorithm, Span, algorithm::Rule};
    use lb_record::TrialRecord;
    use lb_results::{MachineUse, Metric, Trial};

    /// Returns a trial on a saturated machine.
    fn busy() -> Trial {
        let mut record = TrialRecord::default();
        record.lateness.record(Span::from_millis(50), 0);
        Trial {
            scenario: 0,
            algorithm: Algorithm::plain(Rule::Random),
            label: "random".to_owned(),
            attempt: 0,
            problems: Vec::new(),
            accepted: Vec::new(),
            cut_s: 0.0,
            machine: MachineUse { cpu_wait_share: Some(0.9), busy_share: Some(1.0) },
            block: 0,
            position: 0,
            schedule_sha256: String::new(),
            started: jiff::Timestamp::UNIX_EPOCH,
            record,
            backends: Vec::new(),
            balancer: Vec::new(),
            retries: None,
            guards: None,
            trace: None,
            counted_by: None,
            steering: None,
            resources: None,
            processes: Vec::new(),
            workers: Vec::new(),
            evidence: serde_json::Value::Null,
            notes: Vec::new(),
        }
    }

    #[test]
    fn problems_that_differ_in_numbers_only_are_one_kind() {
        let problems = [("late by 12.5 ms", 1), ("down", 1), ("late by 9 ms", 2)];
        let kinds = problem_kinds(problems);
        let found: Vec<(&str, &[i32])> = kinds.iter().map(|kind| (kind.problem, &kind.places[..])).collect();
        assert_eq!(found, [("late by 12.5 ms", &[1, 2][..]), ("down", &[1])]);
    }

    #[test]
    fn what_validity_says_of_a_busy_machine_is_recognised() {
        let found = crate::problems(&busy(), Demands { metric: Metric::P95, margin: 0.05, faults: false });
        let kinds = problem_kinds(found.iter().map(|problem| (problem.as_str(), ())));
        let busy: Vec<bool> = kinds.iter().map(ProblemKind::is_of_busy_machine).collect();
        assert_eq!(busy, [true, false], "saturated, and no request: {found:?}");
    }
}
