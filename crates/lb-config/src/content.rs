//! The load of a plan: the scenarios of the config, with users or with arrivals, or a recording.

use super::arrivals::{self, OpenModel};
use super::draft::file::draft;
use super::draft::types::{Context, Draft};
use super::error::Findings;
use super::replay;
use super::said::By;
use super::settings::Settings;
use super::source::Loaded;
use lb_core::suggest::{did_you_mean, listing};
use lb_core::workload::Journey;

/// What users, arrivals or a recording do.
pub(super) struct Content {
    /// Scenarios, before their timelines are scaled.
    pub(super) draft: Draft,
    /// Arrivals in place of users.
    pub(super) open: Option<OpenModel>,
    /// The journey of a recording.
    pub(super) recorded: Option<Journey>,
}

/// The scenarios of the config, or the one of a recording. None after a problem with the latter.
pub(super) fn read_content(
    loaded: &Loaded,
    context: &Context<'_>,
    findings: &mut Findings,
) -> Option<Content> {
    let settings = context.settings;
    let asked = arrivals::read_asked(settings, findings);
    let wanted = replay::find_wanted(loaded, settings, asked.as_ref(), findings);
    check_model(settings, asked.is_some() || wanted.is_some(), findings);
    let Some(wanted) = wanted else {
        let draft = draft(&loaded.file, context, findings);
        let open = asked.and_then(|asked| arrivals::open_model(&asked, context.journey, findings));
        return Some(Content { draft, open, recorded: None });
    };
    let recording = replay::read_recording(wanted, settings, findings)?;
    let draft = Draft { scenarios: vec![recording.scenario], ..base_of(loaded, context, findings) };
    // A recording brings its own arrivals.
    Some(Content { draft, open: None, recorded: Some(recording.journey) })
}

/// What a config says besides its scenarios, in whose place a recording plays.
fn base_of(loaded: &Loaded, context: &Context<'_>, findings: &mut Findings) -> Draft {
    let mut apart = Findings::default();
    let draft = draft(&loaded.file, context, &mut apart);
    // Notes about scenarios that do not run are noise; problems are not.
    apart.into_parts().0.into_iter().for_each(|problem| findings.problem(problem));
    if !draft.scenarios.is_empty() {
        let names: Vec<&str> = draft.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
        findings.note("scenarios", names, "the replay takes the place of all scenarios of the config");
    }
    let journey = &context.settings.journey;
    if journey.by == By::Config {
        findings.note(&journey.at, context.journey.name.as_str(), "a replay brings its own requests");
    }
    draft
}

/// Reports settings of users where there are arrivals, and the other way round.
fn check_model(settings: &Settings, open: bool, findings: &mut Findings) {
    if !open {
        let most = &settings.max_in_flight;
        if most.by == By::Config {
            let message = "limits only arrivals, but this config has users; leave it out";
            findings.note(&most.at, most.value, message);
        }
        return;
    }
    if let Some(users) = &settings.users {
        let message = "arrivals take the place of users; change their rate, or leave one of the two out";
        findings.wrong(&users.at, users.value, message);
    }
    if let Some(time) = &settings.ramp_up_s {
        let message =
            "users ramp up and arrivals do not; use a ramp of rates, such as `--arrivals ramp:0-500`";
        findings.wrong(&time.at, time.value, message);
    }
}

/// Leaves only the scenario that was asked for.
pub(super) fn select_scenario(draft: &mut Draft, settings: &Settings, findings: &mut Findings) {
    let Some(wanted) = &settings.scenario else {
        return;
    };
    let names = || draft.scenarios.iter().map(|scenario| scenario.name.as_str());
    if names().any(|name| name == wanted.value) {
        draft.scenarios.retain(|scenario| scenario.name == wanted.value);
        return;
    }
    let message = format!(
        "the config has no such scenario{}; it has {}",
        did_you_mean(&wanted.value, names()),
        listing(names())
    );
    findings.wrong(&wanted.at, wanted.value.as_str(), message);
}
