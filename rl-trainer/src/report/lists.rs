//! The evaluations of a run by list, with their summaries.

use crate::evaluate::goals::{Goal, Goals};
use crate::evaluate::{Evaluation, Kind, Standing};

/// One list, with the summary of all trained policies.
#[derive(Clone, Debug)]
pub struct Judged<'a> {
    /// The complete evaluation.
    pub evaluation: &'a Evaluation,
    /// Summary over all trained policies.
    pub standing: Standing,
}

/// The lists that were played.
#[derive(Clone, Debug, Default)]
pub struct Lists<'a> {
    /// Situations A to I.
    pub situations: Option<Judged<'a>>,
    /// Held-out random cases.
    pub test: Option<Judged<'a>>,
    /// Situations whose requests tell most of their size.
    pub sized: Option<Judged<'a>>,
    /// Other lists: situation B with routes, random cases with telling requests, and the scenarios of a custom run.
    pub others: Vec<Judged<'a>>,
}

impl<'a> Lists<'a> {
    /// Summarises evaluations; those without a case or a trained policy are left out.
    pub fn new(evaluations: &'a [Evaluation]) -> Self {
        let mut lists = Self::default();
        for evaluation in evaluations {
            let Some(standing) = Standing::new(evaluation, &evaluation.of_kind(Kind::Trained)) else {
                continue;
            };
            let judged = Judged { evaluation, standing };
            match evaluation.list.as_str() {
                "situations" => lists.situations = Some(judged),
                "test" => lists.test = Some(judged),
                "sized" => lists.sized = Some(judged),
                _ => lists.others.push(judged),
            }
        }
        lists
    }

    /// Returns all lists, in the order of reports.
    pub fn all(&self) -> impl Iterator<Item = &Judged<'a>> {
        self.test.iter().chain(&self.situations).chain(&self.sized).chain(&self.others)
    }

    /// Judges the lists that were played in full: all cases and requests, and at least five replications.
    pub fn judge(&self, goals: &Goals) -> Vec<Goal> {
        let proof = |judged: &&Judged<'_>| judged.evaluation.is_proof();
        let test = self.test.as_ref().filter(proof).map(|judged| goals.judge_held_out(&judged.standing));
        let situations = self.situations.as_ref().filter(proof);
        let situations = situations.map(|judged| goals.judge_situations(&judged.standing));
        let sized = self.sized.as_ref().filter(proof).map(|judged| goals.judge_sized(&judged.standing));
        test.into_iter().chain(situations).chain(sized).flatten().collect()
    }
}
