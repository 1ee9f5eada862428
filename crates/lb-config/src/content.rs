//! The load of a plan: the scenarios of the config, with users or with arrivals, or a recording.

use super::arrivals::{self, OpenModel};
use super::draft::file::draft;
use super::draft::types::{Context, Draft};
use super::error::Findings;
use super::replay;
use super::said::By;
use super::settings::Settings;
use super::source::{BUNDLED, Loaded};
use lb_core::suggest::{did_you_mean, listing};
use lb_core::workload::Journey;

/// The load of a plan: its scenarios, arrivals, and the journey of a recording.
pub(super) struct Content {
    /// The scenarios, before their timelines are scaled.
    pub(super) draft: Draft,
    /// Arrivals in place of users. `None` in the closed model and for a recording.
    pub(super) open: Option<OpenModel>,
    /// The journey of a recording. `None` if nothing is replayed.
    pub(super) recorded: Option<Journey>,
}

/// Reads the scenarios of the config, or the scenario of a recording. `None` if the recording has a problem.
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

/// Returns the draft of a config whose scenarios a recording replaces, and notes that it does.
fn base_of(loaded: &Loaded, context: &Context<'_>, findings: &mut Findings) -> Draft {
    let mut apart = Findings::default();
    let draft = draft(&loaded.file, context, &mut apart);
    // Notes about scenarios that do not run are noise; problems are not.
    apart.into_parts().0.into_iter().for_each(|problem| findings.problem(problem));
    // A config that comes with `bench` is not what its user wrote; nothing of it is missed.
    let own = loaded.source != BUNDLED;
    if own && !draft.scenarios.is_empty() {
        let names: Vec<&str> = draft.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
        findings.note("scenarios", names, "the replay takes the place of all scenarios of the config");
    }
    let journey = &context.settings.journey;
    if own && journey.by == By::Config {
        findings.note(&journey.at, context.journey.name.as_str(), "unused: a replay has its own requests");
    }
    draft
}

/// Reports user settings in the open model, and arrival settings in the closed model.
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
    for ramp in [&settings.ramp_up_s, &settings.spawn_rate].into_iter().flatten() {
        let message =
            "users ramp up and arrivals do not; use a ramp of rates, such as `--arrivals ramp:0-500`";
        findings.wrong(&ramp.at, ramp.value, message);
    }
}

/// Keeps only the requested scenario. Case matters only between names that differ in nothing else.
pub(super) fn select_scenario(draft: &mut Draft, settings: &Settings, findings: &mut Findings) {
    let Some(wanted) = &settings.scenario else {
        return;
    };
    let names = || draft.scenarios.iter().map(|scenario| scenario.name.as_str());
    let same = |name: &str| name == wanted.value;
    let alike = |name: &str| name.eq_ignore_ascii_case(wanted.value.trim());
    if let Some(found) = names().position(same).or_else(|| names().position(alike)) {
        draft.scenarios = vec![draft.scenarios.swap_remove(found)];
        return;
    }
    let message = format!(
        "the config has no such scenario{}; it has {}",
        did_you_mean(&wanted.value, names()),
        listing(names())
    );
    findings.wrong(&wanted.at, wanted.value.as_str(), message);
}
