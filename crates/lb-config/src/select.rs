//! Keeps the user classes that `--user-class` names, and the scenarios, classes and actions that `--tags` and
//! `--exclude-tags` select.
//!
//! A scenario or class that has one of the tags runs with all of its actions. Of all others, only actions with one of
//! the tags run, and what is left without actions does not run. Opening and closing actions belong to every session.

use super::draft::types::{Draft, DraftScenario};
use super::error::Findings;
use super::settings::Settings;
use lb_core::suggest::{did_you_mean, listing};
use lb_core::workload::{ClassMix, Journey};
use std::collections::BTreeSet;

/// Flags, as messages name them.
const TAGS: &str = "--tags";
const EXCLUDE_TAGS: &str = "--exclude-tags";
const USER_CLASS: &str = "--user-class";

/// Keeps what the flags select. Names and tags that nothing has are problems, and so is a selection of nothing.
pub(super) fn select_parts(
    draft: &mut Draft,
    journey: &Journey,
    settings: &Settings,
    findings: &mut Findings,
) {
    keep_classes(draft, &settings.user_classes, findings);
    draft.scenarios.iter_mut().for_each(settle_shares);
    let (tags, excluded) = (settings.tags.as_slice(), settings.exclude_tags.as_slice());
    if tags.is_empty() && excluded.is_empty() || !are_known(draft, journey, settings, findings) {
        return;
    }
    let selection = Selection { tags, excluded, journey };
    draft.scenarios.retain_mut(|scenario| selection.keep(scenario));
    if draft.scenarios.is_empty() {
        let (at, names) = if tags.is_empty() { (EXCLUDE_TAGS, excluded) } else { (TAGS, tags) };
        findings.wrong(at, names.join(","), "leaves nothing to run; name other tags");
    }
}

/// Keeps only the named user classes in every pattern. Case matters only between names that differ in nothing else.
fn keep_classes(draft: &mut Draft, wanted: &[String], findings: &mut Findings) {
    if wanted.is_empty() {
        return;
    }
    let names: BTreeSet<String> =
        draft.scenarios.iter().flat_map(|one| &one.classes).map(|class| class.name.clone()).collect();
    let mut kept = BTreeSet::new();
    for name in wanted {
        let same = names.iter().find(|known| *known == name);
        match same.or_else(|| names.iter().find(|known| known.eq_ignore_ascii_case(name.trim()))) {
            Some(found) => {
                kept.insert(found.clone());
            }
            None => {
                let known = || names.iter().map(String::as_str);
                let hint = did_you_mean(name, known());
                let message = format!("the config has no such user class{hint}; it has {}", listing(known()));
                findings.wrong(USER_CLASS, name.as_str(), message);
            }
        }
    }
    if kept.is_empty() {
        return;
    }
    for scenario in &mut draft.scenarios {
        let DraftScenario { classes, patterns, .. } = scenario;
        patterns.retain_mut(|pattern| {
            pattern.mix.retain(|one| kept.contains(&classes[one.class].name));
            !pattern.mix.is_empty()
        });
    }
    draft.scenarios.retain(|scenario| !scenario.patterns.is_empty());
    if draft.scenarios.is_empty() {
        findings.wrong(USER_CLASS, wanted.join(","), "no pattern has users of this class; name another");
    }
}

/// Leaves out user classes without a share, unless a pattern has no others: whoever names such a class wants it.
fn settle_shares(scenario: &mut DraftScenario) {
    for mix in scenario.patterns.iter_mut().map(|pattern| &mut pattern.mix) {
        if mix.iter().any(|one| one.share > 0.0) {
            mix.retain(|one| one.share > 0.0);
        } else {
            mix.iter_mut().for_each(|one| one.share = 1.0);
        }
    }
}

/// Returns whether everything that the flags name is a tag of something, and reports what is not.
fn are_known(draft: &Draft, journey: &Journey, settings: &Settings, findings: &mut Findings) -> bool {
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for scenario in &draft.scenarios {
        let tags = scenario.tags.iter().chain(scenario.class_tags.values().flatten());
        known.extend(tags.map(String::as_str));
    }
    // A sequence is not split: later requests need what earlier ones did.
    if journey.session.sequence.is_empty() {
        known.extend(journey.actions.values().flat_map(|action| &action.tags).map(String::as_str));
    }
    let mut all = true;
    for (at, tags) in [(TAGS, &settings.tags), (EXCLUDE_TAGS, &settings.exclude_tags)] {
        for tag in tags.iter().filter(|tag| !known.contains(tag.as_str())) {
            let hint = did_you_mean(tag, known.iter().copied());
            let message =
                format!("nothing in the config has this tag{hint}; tags: {}", listing(known.iter().copied()));
            findings.wrong(at, tag.as_str(), message);
            all = false;
        }
    }
    all
}

/// What the flags select by tags.
struct Selection<'a> {
    /// Tags of what runs; empty means everything.
    tags: &'a [String],
    /// Tags of what does not run.
    excluded: &'a [String],
    journey: &'a Journey,
}

impl Selection<'_> {
    /// Reduces a scenario to what is selected; returns false if nothing is.
    fn keep(&self, scenario: &mut DraftScenario) -> bool {
        if has_one(&scenario.tags, self.excluded) {
            return false;
        }
        let whole = self.tags.is_empty() || has_one(&scenario.tags, self.tags);
        let DraftScenario { classes, class_tags, patterns, .. } = scenario;
        patterns.retain_mut(|pattern| {
            pattern.mix.retain_mut(|mix| {
                let class = &classes[mix.class];
                let tags = class_tags.get(&class.name).map_or(&[][..], Vec::as_slice);
                if has_one(tags, self.excluded) {
                    return false;
                }
                if mix.actions.is_empty() {
                    mix.actions.clone_from(&class.actions);
                }
                self.keep_actions(mix, whole || has_one(tags, self.tags))
            });
            !pattern.mix.is_empty()
        });
        !patterns.is_empty()
    }

    /// Reduces the actions of a class to those that are selected; returns false if none is. `whole` says that all are
    /// unless they are excluded.
    fn keep_actions(&self, mix: &mut ClassMix, whole: bool) -> bool {
        if !self.journey.session.sequence.is_empty() {
            return whole;
        }
        if mix.actions.is_empty() {
            let weighted = self.journey.actions.iter().filter(|(_, action)| action.weight > 0.0);
            mix.actions = weighted.map(|(name, action)| (name.clone(), action.weight)).collect();
        }
        mix.actions.retain(|name, _| {
            let tags = self.journey.actions.get(name).map_or(&[][..], |action| action.tags.as_slice());
            !has_one(tags, self.excluded) && (whole || has_one(tags, self.tags))
        });
        !mix.actions.is_empty()
    }
}

/// Returns whether `tags` and `wanted` have a tag in common.
fn has_one(tags: &[String], wanted: &[String]) -> bool {
    tags.iter().any(|tag| wanted.contains(tag))
}
