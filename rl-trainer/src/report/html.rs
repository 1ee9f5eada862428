//! The report as a self-contained HTML page: the verdict first, then the evidence.

use super::charts;
use super::data::RunReport;
use super::lists::{Judged, Lists};
use super::numbers::{NOT_JUDGED, estimate, length, outcome};
use super::twin::TwinReport;
use super::{tables, twin_tables};
use crate::evaluate::goals::{Goal, Goals};
use crate::train::BASELINE;
use lb_report::parts::{Figure, Table, command_line, count, figure, page, prose, scrolling};
use maud::{Markup, html as markup};

/// Number of cases in the table of regret.
const MOST_REGRETS: usize = 12;

/// Renders the page.
pub fn html(run: &RunReport) -> String {
    let lists = Lists::new(&run.evaluations);
    let body = markup! {
        (verdict(run, &lists))
        (contents(run, &lists))
        @for (number, of) in run.twins.iter().enumerate() { (twin(number + 1, of)) }
        (training(run))
        @if let Some(judged) = &lists.test { (test(judged)) }
        @if let Some(judged) = &lists.situations { (situations(judged, run.targets.as_ref())) }
        (opponents(&lists))
        (traffic(run, &lists))
        (steps(run))
        section #repeat aria-labelledby="repeat-title" {
            h2 #repeat-title { "Repeat this run" }
            pre.command tabindex="0" { code { (command_line(&run.command)) } }
            (scrolling(&tables::environment(run, lists.all())))
        }
    };
    let title = format!("Training report: {}", run.run_id);
    let subtitle = format!(
        "{} · mode {} · traffic {} · {} · rl-train {}",
        run.started_at,
        run.mode,
        run.traffic,
        length(run.seconds),
        run.version
    );
    page(&title, &subtitle, &body)
}

/// Renders one sentence per list, and any goals.
fn verdict(run: &RunReport, lists: &Lists<'_>) -> Markup {
    let required: Vec<&Goal> = run.goals.iter().filter(|goal| goal.required).collect();
    let missed: Vec<&&Goal> = required.iter().filter(|goal| !goal.met).collect();
    markup! {
        section #verdicts aria-labelledby="verdicts-title" {
            h2 #verdicts-title { "Verdict" }
            @if run.interrupted {
                p { span.badge.care { "interrupted" } " This report covers only completed results." }
            }
            @for judged in lists.all() { p { (prose(&summary(judged))) } }
            @if run.targets.is_none() {
            } @else if required.is_empty() {
                p { (NOT_JUDGED) }
            } @else if missed.is_empty() {
                p { span.badge.good { "all met" } " " (required.len()) " of " (required.len()) " required goals." }
            } @else {
                p { span.badge.bad { "falls short" } " " (missed.len()) " of " (required.len()) " required goals:" }
                ul.verdicts {
                    @for goal in &missed {
                        li {
                            span.badge.bad { (outcome(goal)) } " " (goal.goal) ", " (goal.metric) ": "
                            (super::numbers::of_goal(goal, goal.measured))
                        }
                    }
                }
            }
            @if let Some(table) = tables::goals(&run.goals) {
                details { summary { "All goals" } (scrolling(&table)) }
            }
        }
    }
}

/// Summarises one list in a sentence.
pub(super) fn summary(judged: &Judged<'_>) -> String {
    let (standing, evaluation) = (&judged.standing, judged.evaluation);
    let (at, worst) = standing.worst(|case| case.mean_regret);
    let whole = match evaluation.is_whole() {
        true => String::new(),
        false => {
            format!(" Only {} of {} played.", evaluation.cases.len(), count(evaluation.planned_cases, "case"))
        }
    };
    format!(
        "List \"{}\": over {} and {}, mean latency is {} of {BASELINE}'s and the 99th percentile {}; to the best \
         classical algorithm of each case they are {} and {}. The worst case is {at}, at {worst:.3} of the mean of \
         its best classical.{whole}",
        evaluation.list,
        count(evaluation.cases.len(), "case"),
        tables::policies(standing),
        estimate(standing.mean),
        estimate(standing.p99),
        estimate(standing.mean_to_best),
        estimate(standing.p99_to_best),
    )
}

fn contents(run: &RunReport, lists: &Lists<'_>) -> Markup {
    markup! {
        nav aria-label="Contents" {
            ul {
                @for (number, of) in run.twins.iter().enumerate() {
                    li { a href={ "#twin-" (number + 1) } { "Recorded pool: " (of.name) } }
                }
                @if !run.trainings.is_empty() { li { a href="#training" { "Training" } } }
                @if lists.test.is_some() { li { a href="#test" { "Held-out cases" } } }
                @if lists.situations.is_some() { li { a href="#situations" { "Situations" } } }
                @if lists.all().next().is_some() { li { a href="#requests" { "What requests say" } } }
                li { a href="#traffic" { "Traffic, traces and guards" } }
                li { a href="#steps" { "Steps" } }
                li { a href="#repeat" { "Repeat this run" } }
            }
        }
    }
}

/// Renders what was found out about a recorded pool, and what a policy gained from it.
fn twin(number: usize, of: &TwinReport) -> Markup {
    let title = format!("twin-{number}-title");
    markup! {
        section id={ "twin-" (number) } aria-labelledby=(title) {
            h2 id=(title) { "Recorded pool: " (of.name) }
            @for sentence in twin_tables::sentences(of) { p { (prose(&sentence)) } }
            @for table in twin_tables::all(of) { (scrolling(&table)) }
        }
    }
}

fn training(run: &RunReport) -> Markup {
    markup! {
        @if let Some(table) = tables::trainings(run) {
            section #training aria-labelledby="training-title" {
                h2 #training-title { "Training" }
                (scrolling(&table))
                (drawn(charts::training(run)))
            }
        }
    }
}

fn test(judged: &Judged<'_>) -> Markup {
    markup! {
        section #test aria-labelledby="test-title" {
            h2 #test-title { "Held-out cases" }
            p.sub {
                "Random cases whose seeds are used neither in training nor in selection. Every contestant meets the \
                 same arrivals, sizes and failures; failed requests are charged with the timeout. Intervals are over \
                 cases and training seeds (pigeonhole bootstrap)."
            }
            (scrolling(&tables::by_policy(judged)))
            (drawn(charts::regret(judged)))
            (folded("Cases with the most regret", tables::regrets(&judged.standing, MOST_REGRETS)))
            (folded("All contestants", Some(tables::contestants(judged))))
        }
    }
}

fn situations(judged: &Judged<'_>, targets: Option<&Goals>) -> Markup {
    markup! {
        section #situations aria-labelledby="situations-title" {
            h2 #situations-title { "Situations" }
            (drawn(Some(charts::situations(judged, targets))))
            (scrolling(&tables::situations(&judged.standing, targets)))
            (scrolling(&tables::by_policy(judged)))
            (folded("All contestants", Some(tables::contestants(judged))))
        }
    }
}

fn opponents(lists: &Lists<'_>) -> Markup {
    markup! {
        @if let Some(table) = tables::opponents(lists.all()) {
            section #requests aria-labelledby="requests-title" {
                h2 #requests-title { "What requests say" }
                (scrolling(&table))
                @for judged in lists.sized.iter().chain(&lists.others) {
                    (folded(&format!("All contestants of list {}", judged.evaluation.list), Some(tables::contestants(judged))))
                }
            }
        }
    }
}

fn traffic(run: &RunReport, lists: &Lists<'_>) -> Markup {
    markup! {
        section #traffic aria-labelledby="traffic-title" {
            h2 #traffic-title { "Traffic, traces and guards" }
            @match tables::traffic(&run.scenarios) {
                Some(table) => (scrolling(&table)),
                None => p { "No traffic was played." },
            }
            @if let Some(table) = tables::traces(&run.traces) { (scrolling(&table)) }
            @if let Some(table) = tables::guards(lists.all(), &run.scenarios) { (scrolling(&table)) }
        }
    }
}

fn steps(run: &RunReport) -> Markup {
    markup! {
        section #steps aria-labelledby="steps-title" {
            h2 #steps-title { "Steps" }
            @if let Some(table) = tables::steps(run) { (scrolling(&table)) }
        }
    }
}

fn drawn(of: Option<Figure>) -> Markup {
    markup! { @if let Some(of) = of { (figure("chart", &of)) } }
}

fn folded(title: &str, table: Option<Table>) -> Markup {
    markup! {
        @if let Some(table) = table {
            details { summary { (title) } (scrolling(&table)) }
        }
    }
}
