//! Flat configs: users that ramp up to a steady number, with bursts.

use super::classes::classes;
use super::types::{Context, Draft, DraftPattern, DraftScenario, REQUEST_TIMEOUT_S, ordered_range};
use crate::error::Findings;
use crate::raw::{FlatFile, MOST_USERS};
use crate::said::Said;
use crate::settings::Settings;
use crate::timeline::SHORTEST_S;
use lb_core::workload::ClassMix;
use rand::RngExt;

/// Label of the random stream that decides when bursts occur.
const BURSTS: u64 = 0x0062_7572_7374_7300;
/// Seconds between two decisions about a burst.
const BURST_S: f64 = 10.0;

/// Drafts a flat config. It starts with `base_users`, which grow to `max_users` over `ramp_up_minutes` and
/// then stay. Every ten seconds a burst occurs with the probability `burst_probability`, which multiplies the
/// users by `burst_multiplier`. The seed decides when; equal consecutive bursts are merged.
pub(super) fn draft(file: &FlatFile, context: &Context<'_>, findings: &mut Findings) -> Draft {
    let duration_s = file.duration_minutes * 60.0;
    let mut users = classes(&file.user_profiles, context, findings);
    if let Some(range) = file.request_delay_range {
        let range = ordered_range("request_delay_range", range, findings);
        let own = |name: &str| file.user_profiles.get(name).is_some_and(|one| one.think_time_s.is_some());
        for class in users.classes.iter_mut().filter(|class| !own(&class.name)) {
            class.think_time_s = range;
        }
    }
    check_users(file, findings);
    let shared = users.classes.iter().zip(&users.shares).enumerate();
    let mix: Vec<ClassMix> = shared
        .map(|(class, (user, share))| ClassMix { class, share: *share, actions: user.actions.clone() })
        .collect();
    let steady = |path: &str, name: &str, users: u32| DraftPattern {
        path: path.to_owned(),
        name: name.to_owned(),
        end_s: duration_s,
        users,
        mix: mix.clone(),
        ..DraftPattern::default()
    };
    let mut patterns = vec![steady("base_users", "base", file.base_users)];
    let added = most_users(file).saturating_sub(file.base_users);
    if added > 0 {
        let ramp_up_s = file.ramp_up_minutes * 60.0;
        patterns.push(DraftPattern { ramp_up_s, ..steady("max_users", "ramp", added) });
    }
    for burst in bursts(file, context.settings, findings) {
        patterns.push(DraftPattern {
            start_s: burst.from_s,
            end_s: burst.to_s,
            ..steady("burst_probability", &format!("burst at {} s", burst.from_s), burst.users)
        });
    }
    let scenario = DraftScenario {
        path: "duration_minutes".to_owned(),
        name: context.stem.to_owned(),
        classes: users.classes,
        class_tags: users.tags,
        patterns,
        background_rps: 0.0,
        request_timeout_s: REQUEST_TIMEOUT_S,
        ..DraftScenario::default()
    };
    Draft {
        base_url: file.load_balancer_url.clone().map(|name| Said::by_config("load_balancer_url", name)),
        algorithms: None,
        scenarios: vec![scenario],
    }
}

/// Returns the number of users after the ramp-up.
fn most_users(file: &FlatFile) -> u32 {
    file.max_users.unwrap_or(file.base_users)
}

/// Reports numbers of users that contradict each other or are too high.
fn check_users(file: &FlatFile, findings: &mut Findings) {
    let most = most_users(file);
    if most < file.base_users {
        let message =
            format!("is below `base_users` ({}); raise `max_users` or lower `base_users`", file.base_users);
        findings.wrong("max_users", most, message);
    }
    let in_burst = f64::from(most) * file.burst_multiplier;
    if file.burst_probability > 0.0 && in_burst > f64::from(MOST_USERS) {
        let message = format!(
            "turns {most} users into {in_burst:.0}; lower it, since the limit is \
            {MOST_USERS}"
        );
        findings.wrong("burst_multiplier", file.burst_multiplier, message);
    }
}

/// A temporary increase in users.
struct Burst {
    from_s: f64,
    to_s: f64,
    users: u32,
}

/// Returns the bursts in chronological order.
fn bursts(file: &FlatFile, settings: &Settings, findings: &mut Findings) -> Vec<Burst> {
    let mut bursts: Vec<Burst> = Vec::new();
    if file.burst_probability == 0.0 {
        return bursts;
    }
    let duration_s = file.duration_minutes * 60.0;
    let length_s = burst_length(duration_s, settings);
    if length_s > BURST_S {
        let message = format!(
            "bursts last {length_s} s of the config's time, not {BURST_S}: once scaled, shorter bursts \
            would end before a request does"
        );
        findings.note("burst_probability", file.burst_probability, message);
    }
    let mut rng = settings.seed.stream(&[BURSTS]);
    for number in 0..(duration_s / length_s).floor() as u32 {
        let from_s = f64::from(number) * length_s;
        let more = users_at(file, from_s) * (file.burst_multiplier - 1.0);
        let users = more.round() as u32;
        if rng.random::<f64>() >= file.burst_probability || users == 0 {
            continue;
        }
        match bursts.last_mut().filter(|last| last.to_s == from_s && last.users == users) {
            Some(last) => last.to_s = from_s + length_s,
            None => bursts.push(Burst { from_s, to_s: from_s + length_s, users }),
        }
    }
    bursts
}

/// Returns the number of users at a time, without bursts.
fn users_at(file: &FlatFile, at_s: f64) -> f64 {
    let ramp_up_s = file.ramp_up_minutes * 60.0;
    let progress = if at_s < ramp_up_s { at_s / ramp_up_s } else { 1.0 };
    let (base, most) = (f64::from(file.base_users), f64::from(most_users(file)));
    base + (most - base) * progress
}

/// Returns the length of a burst in seconds of the config: a multiple of ten that is long enough once the
/// timeline is scaled.
fn burst_length(duration_s: f64, settings: &Settings) -> f64 {
    let factor = match &settings.duration_s {
        Some(wanted) => wanted.value / duration_s,
        None => 1.0 / settings.time_scale,
    };
    BURST_S * (1.001 * SHORTEST_S / (BURST_S * factor)).ceil().max(1.0)
}
