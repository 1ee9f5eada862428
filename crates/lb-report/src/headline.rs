//! The answer of a scenario, as a headline and sentences.

use super::text::count;
use super::trial_faults::labels_without_valid_trial;
use lb_results::ScenarioSummary;

/// The first lines of a scenario's report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Headline {
    /// A few words, such as `Take p2c`.
    pub(super) title: String,
    /// The sentence after the title; empty if the title says everything.
    pub(super) sentence: String,
    /// Further sentences.
    pub(super) more: Vec<String>,
    /// Whether there is no answer yet.
    pub(super) open: bool,
}

/// Words the answer of a scenario.
pub(super) fn headline(scenario: &ScenarioSummary) -> Headline {
    let plain = |title: &str, sentence: String| Headline {
        title: title.to_owned(),
        sentence,
        more: Vec::new(),
        open: true,
    };
    if let Some(answer) = &scenario.answer
        && let Some((first, more)) = answer.sentences.split_first()
    {
        let title = match answer.title.as_str() {
            "" => "Answer",
            title => title,
        };
        return Headline {
            title: title.to_owned(),
            sentence: first.clone(),
            more: more.to_vec(),
            open: answer.beaten.is_empty() && !title.starts_with("Take"),
        };
    }
    if let [first, others @ ..] = scenario.noise.as_slice() {
        let title = match others.len() {
            0 => format!("{} against itself", first.algorithm),
            _ => format!("{} against themselves", count(scenario.noise.len(), "algorithm")),
        };
        let mut sentences = scenario.noise.iter().map(lb_analysis::aa_sentence);
        let sentence = sentences.next().unwrap_or_default();
        return Headline { title, sentence, more: sentences.collect(), open: false };
    }
    match scenario.algorithms.as_slice() {
        [] if labels_without_valid_trial(scenario).is_empty() && !scenario.max_rates.is_empty() => {
            plain("Highest rates", String::new())
        }
        [] => plain("No result", "No algorithm has a valid trial, so there is no verdict.".to_owned()),
        [one] => Headline {
            title: match &one.latency_ms {
                Some(latency) => format!("{}: p95 latency {:.1} ms", one.name, latency.p95),
                None => format!("{}: no latency", one.name),
            },
            sentence: format!(
                "{:.1} requests per second, {:.2} % errors. Only one was measured, so there is nothing to compare it \
                 with; `bench compare` compares two runs.",
                one.throughput_rps,
                one.error_rate * 100.0
            ),
            more: Vec::new(),
            open: true,
        },
        _ => plain(
            "Nothing was compared",
            "The algorithms were not compared, so there is no verdict on differences.".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_results::{Answer, Lead, Metric};

    fn answered(title: &str, sentences: &[&str], beaten: usize) -> Headline {
        let lead = Lead { label: "rr".to_owned(), effect: -0.5, interval: None };
        let answer = Answer {
            metric: Metric::P95,
            leader: "lc".to_owned(),
            tied: Vec::new(),
            beaten: vec![lead; beaten],
            blocks: 1,
            title: title.to_owned(),
            sentences: sentences.iter().map(|&sentence| sentence.to_owned()).collect(),
        };
        headline(&ScenarioSummary { answer: Some(answer), ..ScenarioSummary::default() })
    }

    #[test]
    fn an_answer_has_a_title_and_a_first_sentence() {
        let found = answered("Take lc", &["Its p95 latency is 50 % lower than that of rr.", "Sure."], 1);
        assert_eq!((found.title.as_str(), found.open), ("Take lc", false));
        assert_eq!(found.sentence, "Its p95 latency is 50 % lower than that of rr.");
        assert_eq!(found.more, ["Sure."]);
    }

    #[test]
    fn too_few_blocks_are_an_open_question_with_the_way_out() {
        let found = answered("No answer yet", &["1 block is too few; use (--repetitions 6)."], 0);
        assert_eq!((found.title.as_str(), found.open), ("No answer yet", true));
        assert!(found.sentence.contains("--repetitions 6"), "{}", found.sentence);
    }
}
