//! The proof: paired luck, ratios, the best classical in hindsight, goals, and the frozen list.

use lb_core::policy::PolicyFile;
use lb_core::policy::learned::{Action, Network};
use lb_core::profile::{BackendProfile, Estimate, FORMAT_VERSION, PoolProfile};
use lb_core::topology::BackendSpec;
use rl_trainer::evaluate::goals::{Goal, Goals};
use rl_trainer::evaluate::{
    Evaluation, GENERAL, Kind, List, OnPool, Opponent, SPECIALISED, Standing, TEST_SHA256, Trained, Watch,
    classical, evaluate, league, on_pools, paired,
};
use rl_trainer::measure::Figures;
use rl_trainer::scenarios::{TEST_CASES, situation, situations};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A policy that follows its prior.
fn prior(seed: u64) -> Arc<PolicyFile> {
    let mut file = PolicyFile::new(Network::zero(), Action::default());
    file.train = serde_json::json!({ "seed": seed });
    Arc::new(file)
}

fn small(list: List, cases: usize) -> List {
    list.first(cases).with_requests(400)
}

fn played() -> Evaluation {
    let policies = Trained::all([prior(1), prior(2), prior(3)]);
    evaluate(&policies, &small(List::situations(), 2), 2, Watch::none())
}

#[test]
fn the_test_list_is_frozen() {
    let list = List::test();
    assert_eq!(list.cases.len() as u64, TEST_CASES);
    assert_eq!(
        list.sha256, TEST_SHA256,
        "the held-out cases changed: figures from before cannot be held against figures from after; if that is \
         meant, set the constant and play everything anew"
    );
    assert_eq!(small(list, 3).sha256, TEST_SHA256, "a look at some of it is a look at the same list");
}

#[test]
fn all_contestants_meet_the_same_luck() {
    let evaluation = played();
    let names: Vec<&str> = evaluation.contestants.iter().map(|contestant| contestant.name.as_str()).collect();
    assert_eq!(&names[..3], ["rl-seed-1", "rl-seed-2", "rl-seed-3"]);
    assert_eq!(evaluation.of_kind(Kind::Classical).len(), classical().len());
    assert_eq!(
        classical().len(),
        24,
        "twelve rules, each with ejection and without, those with affinity included"
    );
    assert_eq!(evaluation.of_kind(Kind::Oracle).len(), 4);
    for case in &evaluation.cases {
        assert_eq!(
            case.figures[0], case.figures[1],
            "{}: the same policy under the same luck does the same",
            case.name
        );
        assert_ne!(case.figures[0][0], case.figures[0][1], "{}: another luck is another draw", case.name);
        assert_eq!(
            case.guards.picks,
            3 * 2 * 400,
            "{}: every decision of the trained policies is counted",
            case.name
        );
    }
    assert_eq!(evaluation, played(), "an evaluation can be repeated, whatever the threads did");
}

#[test]
fn policies_of_one_name_are_told_apart() {
    let names: Vec<String> =
        Trained::all([prior(1), prior(1), prior(1)]).into_iter().map(|policy| policy.name).collect();
    assert_eq!(names, ["rl-seed-1", "rl-seed-1-2", "rl-seed-1-3"]);
}

#[test]
fn an_evaluation_that_is_stopped_keeps_the_cases_that_were_played_whole() {
    let stop = AtomicBool::new(false);
    let rounds = AtomicUsize::new(0);
    let progress = |_: usize, all: usize| {
        assert_eq!(all, 9 * 2);
        if rounds.fetch_add(1, Ordering::SeqCst) == 5 {
            stop.store(true, Ordering::SeqCst);
        }
    };
    let list = small(List::situations(), 9);
    let evaluation =
        evaluate(&Trained::all([prior(1)]), &list, 2, Watch { stop: &stop, progress: &progress });
    assert!(evaluation.cases.len() < 9, "it was stopped");
    assert!(!evaluation.is_whole() && !evaluation.is_proof());
    for case in &evaluation.cases {
        assert!(case.figures.iter().all(|lucks| lucks.len() == 2), "{} is whole", case.name);
    }
}

/// An evaluation of figures that are made up: `figures[case][contestant][luck]` is the mean; the 99th percentile
/// is three times as much.
fn made_up(contestants: &[(&str, Kind)], figures: &[&[&[f64]]]) -> Evaluation {
    let mut evaluation = evaluate(&[], &small(List::situations(), 0), 1, Watch::none());
    let contestant = |(name, kind): &(&str, Kind)| rl_trainer::evaluate::Contestant {
        name: (*name).to_owned(),
        kind: *kind,
        seed: None,
        sha256: None,
    };
    evaluation.contestants = contestants.iter().map(contestant).collect();
    evaluation.cases = figures
        .iter()
        .zip(situations())
        .map(|(of_case, case)| rl_trainer::evaluate::CaseResult {
            name: case.name,
            requests: 1,
            guards: Default::default(),
            figures: of_case
                .iter()
                .map(|lucks| {
                    let figures = |mean_ms: &f64| Figures {
                        mean_ms: *mean_ms,
                        p50_ms: *mean_ms,
                        p99_ms: 3.0 * mean_ms,
                        p999_ms: 4.0 * mean_ms,
                        error_rate: 0.0,
                        max_share: 0.5,
                    };
                    lucks.iter().map(figures).collect()
                })
                .collect(),
        })
        .collect();
    evaluation
}

const FIELD: [(&str, Kind); 4] = [
    ("rl", Kind::Trained),
    ("least-connections+ejection", Kind::Classical),
    ("p2c", Kind::Classical),
    ("oracle-fpi", Kind::Oracle),
];

#[test]
fn ratios_are_geometric_and_the_best_classical_is_chosen_in_hindsight() {
    let evaluation = made_up(
        &FIELD,
        &[
            &[&[5.0, 20.0], &[10.0, 10.0], &[40.0, 40.0], &[1.0, 1.0]],
            &[&[8.0, 8.0], &[10.0, 10.0], &[4.0, 4.0], &[1.0, 1.0]],
        ],
    );
    let standing = Standing::new(&evaluation, &[0]).expect("there are cases");
    let [first, second] = &standing.cases[..] else { panic!("two cases") };
    assert!((first.mean.ratio - 1.0).abs() < 1e-12, "a half and two are one: {}", first.mean.ratio);
    assert!((second.mean.ratio - 0.8).abs() < 1e-12);
    assert_eq!((first.best_mean.as_str(), second.best_mean.as_str()), ("least-connections+ejection", "p2c"));
    assert!((second.mean_regret - 2.0).abs() < 1e-12, "the oracle is no competitor");
    assert!(
        (standing.mean.ratio - 0.8f64.sqrt()).abs() < 1e-12,
        "cases weigh alike: {}",
        standing.mean.ratio
    );
    assert!((standing.mean_to_best.ratio - 2.0f64.sqrt()).abs() < 1e-12);
    assert_eq!(standing.worst(|case| case.mean_regret).0, "situation-b");
    let [low, high] = first.mean.interval.expect("two lucks have a spread");
    assert!(low < 1.0 && 1.0 < high, "[{low}, {high}]");
    assert_eq!(second.mean.interval.map(|ends| ends.map(|end| (end * 1e9).round())), Some([8e8, 8e8]));

    let lines = league(&evaluation);
    assert_eq!(lines.len(), 4, "everybody has a line");
    assert!((lines[1].mean - 1.0).abs() < 1e-12, "the baseline is what it is measured by");
    let [mean, p99] = paired(&evaluation.cases[1], &[(0, 2)]);
    assert!((mean.ratio - 2.0).abs() < 1e-12 && (p99.ratio - 2.0).abs() < 1e-12);
}

fn bundled_goals() -> Goals {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/learner-goals.json");
    Goals::read(&path).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn goals_that_are_no_limits_are_refused_with_key_value_and_way_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("goals.json");
    let error = |text: &str| {
        std::fs::write(&path, text).expect("the file is written");
        let error = Goals::read(&path).expect_err("the goals are refused").to_string();
        assert!(error.starts_with("--goals ") && error.contains("goals.json"), "{error}");
        error
    };
    for (text, parts) in [
        ("{", &["EOF"][..]),
        ("{}", &["sets no goal", "`situations`, `held_out` or `sized`"]),
        (
            r#"{"held_out": {"al": {"mean": 1, "p99": 1}}}"#,
            &["held_out.al", "unknown field `al`", "`to_best`"],
        ),
        (r#"{"held_out": {"all": {"mean": "low", "p99": 1}}}"#, &["held_out.all.mean", "\"low\"", "f64"]),
        (
            r#"{"held_out": {"all": {"mean": -1, "p99": 0}, "excess_errors": 2}}"#,
            &["held_out.all.mean = -1", "held_out.all.p99 = 0", "held_out.excess_errors = 2", "from 0 to 1"],
        ),
        (
            r#"{"situations": {"cases": {"situation-z": {"mean": 1, "p99": 1}}}}"#,
            &["situations.cases.situation-z", "use one of situation-a, situation-b"],
        ),
    ] {
        let error = error(text);
        for part in parts {
            assert!(error.contains(part), "the message says {part}: {error}");
        }
    }
}

#[test]
fn goals_are_met_at_the_target_and_missed_above_it() {
    let case = |ratio: f64| [[10.0 * ratio], [10.0], [10.0], [1.0]];
    let judged = |ratio: f64| {
        let cases = [case(ratio), case(ratio)];
        let cases: Vec<Vec<&[f64]>> =
            cases.iter().map(|case| case.iter().map(|one| &one[..]).collect()).collect();
        let evaluation = made_up(&FIELD, &[&cases[0], &cases[1]]);
        bundled_goals().judge_held_out(&Standing::new(&evaluation, &[0]).expect("cases"))
    };
    let find = |goals: &[Goal], metric: &str| {
        goals
            .iter()
            .find(|goal| goal.goal == "held-out cases" && goal.metric == metric)
            .cloned()
            .expect("it is there")
    };
    let limits = bundled_goals().held_out.and_then(|goals| goals.all).expect("limits");
    let (mean_target, p99_target) = (limits.mean, limits.p99);
    let goals_at = judged(0.76);
    let (mean, p99) = (find(&goals_at, "mean"), find(&goals_at, "p99"));
    assert!(mean.met && mean.target == mean_target && mean.short_by() == 0.0);
    assert!(!p99.met && p99.target == p99_target && (p99.short_by() - (0.76 - p99_target)).abs() < 1e-9);
    assert!(!judged(1.2).iter().any(|goal| goal.goal.starts_with("worst held-out case") && goal.met));
    assert!(
        judged(0.76).iter().any(|goal| !goal.required && goal.goal.contains("aim")),
        "aims are told apart"
    );
}

#[test]
fn every_situation_has_a_target_and_every_target_its_situation() {
    let goals = bundled_goals().situations.expect("goals of the situations");
    let names: Vec<String> = situations().into_iter().map(|case| case.name).collect();
    let targets: Vec<&str> = goals.cases.keys().map(String::as_str).collect();
    assert_eq!(names, targets);
    let one = made_up(&FIELD, &[&[&[10.0], &[10.0], &[10.0], &[1.0]]]);
    let standing = Standing::new(&one, &[0]).expect("a case");
    let goals = bundled_goals().judge_situations(&standing);
    assert!(goals.iter().any(|goal| goal.goal.starts_with("situation-a") && goal.metric == "p99"));
    assert!(
        !goals.iter().any(|goal| goal.goal.contains("all nine")),
        "nine are judged where nine were played"
    );
}

#[test]
fn only_what_was_played_as_laid_down_is_a_proof() {
    let mut evaluation = played();
    assert!(!evaluation.is_proof(), "two cases of nine, few requests, two lucks");
    (evaluation.planned_cases, evaluation.full_requests) = (2, true);
    assert!(!evaluation.is_proof(), "two lucks are too few");
    evaluation.lucks = 5;
    assert!(evaluation.is_proof());
    assert!(!List::test().with_requests(9_999).full && List::test().with_requests(20_000).full);
}

#[test]
fn what_requests_say_is_measured_by_the_same_policy_without_it() {
    let evaluation = evaluate(&Trained::all([prior(4)]), &small(List::sized(), 1), 1, Watch::none());
    let unhinted = evaluation.of_kind(Kind::Unhinted);
    assert_eq!(unhinted.len(), 1);
    assert_eq!(evaluation.contestants[unhinted[0]].name, "rl-seed-4 without hints");
    let standing = Standing::new(&evaluation, &evaluation.of_kind(Kind::Trained)).expect("a case");
    assert!(standing.to_unhinted.is_some() && standing.to_listening.is_some(), "all opponents took part");
}

#[test]
fn opponents_are_told_apart_by_what_they_listen_to() {
    let field = [
        ("rl", Kind::Trained),
        ("rl without hints", Kind::Unhinted),
        ("least-connections+ejection", Kind::Classical),
        ("least-predicted-work+ejection", Kind::Classical),
    ];
    let evaluation =
        made_up(&field, &[&[&[4.0], &[8.0], &[10.0], &[5.0]], &[&[4.0], &[8.0], &[10.0], &[5.0]]]);
    let standing = Standing::new(&evaluation, &[0]).expect("there are cases");
    let ratio = |pair: Option<[rl_trainer::evaluate::Estimate; 2]>| pair.expect("they took part")[0].ratio;
    assert!((standing.mean_to_best.ratio - 0.8).abs() < 1e-12, "to the best classical of all");
    assert!((ratio(standing.to_blind) - 0.4).abs() < 1e-12, "to the best that does not listen");
    assert!((ratio(standing.to_listening) - 0.8).abs() < 1e-12, "to the one that does");
    assert!((ratio(standing.to_unhinted) - 0.5).abs() < 1e-12, "to itself without hints");
    let classical = Standing::new(&evaluation, &[2]).expect("there are cases");
    assert!(classical.to_unhinted.is_none(), "a classical algorithm has no such twin");
    assert!(
        bundled_goals().judge_sized(&standing).is_empty(),
        "these are not the situations with telling requests"
    );
}

#[test]
fn specialised_policies_meet_their_own_pools_and_wrong_profiles() {
    let pools = ['b', 'h'].map(|letter| {
        let case = situation(letter).expect("there is one").with_requests(2_000);
        let backends = &case.topology.pools[0].backends;
        let known = |backend: &BackendSpec| BackendProfile {
            id: backend.id.clone(),
            speed: Estimate { value: backend.speed, log_error: 0.03 },
            workers: backend.workers,
            workers_known: true,
            discipline: backend.discipline,
        };
        let profile = PoolProfile {
            format_version: FORMAT_VERSION.to_owned(),
            about: String::new(),
            service_ms: Estimate { value: 37.5, log_error: 0.03 },
            backends: backends.iter().map(known).collect(),
            routes: Vec::new(),
        };
        let file = PolicyFile { profile: Some(profile), ..PolicyFile::clone(&prior(1)) };
        OnPool { case, file: Arc::new(file) }
    });
    let played = on_pools(&pools, &prior(1), 2, Some(1_000), Watch::none());
    let names: Vec<&str> = played.evaluation.cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["situation-b", "situation-h"]);
    assert!(played.evaluation.is_whole());
    let to_general = |pools| played.ratio(SPECIALISED, Opponent::Named(GENERAL), pools).expect("both played");
    let [one, other, both] = [0..1, 1..2, 0..2].map(to_general);
    for metric in 0..2 {
        let expected = (one[metric].ratio * other[metric].ratio).sqrt();
        assert!((both[metric].ratio / expected - 1.0).abs() < 1e-9, "the geometric mean of both pools");
        assert!(both[metric].interval.is_some(), "there are two replications");
    }
    assert_ne!(one[0].ratio, 1.0, "a policy that knows the speeds does something else");
    let best = played.best(0).expect("classical algorithms played");
    let to_best = played.ratio(best[0], Opponent::BestClassical, 0..1).expect("it played");
    assert_eq!(to_best[0].ratio, 1.0, "the best is as good as itself");
    assert_eq!(played.wrong.len(), 2, "both policies have a profile");
    for wrong in &played.wrong {
        assert_eq!((wrong.mean.len(), wrong.p99.len()), (2, 2), "{}: one for each replication", wrong.case);
        assert!(wrong.mean.iter().all(|ratio| *ratio != 1.0), "{wrong:?}: a wrong profile changes decisions");
    }
    let general = [OnPool { file: prior(1), ..pools[0].clone() }];
    let played = on_pools(&general, &prior(1), 2, Some(400), Watch::none());
    assert!(played.wrong.is_empty(), "nothing is known, so nothing is wrong");
    let same = played.ratio(SPECIALISED, Opponent::Named(GENERAL), 0..1).expect("both played");
    assert_eq!([same[0].ratio, same[1].ratio], [1.0; 2], "the same policy does the same");
}
