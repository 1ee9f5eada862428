//! Flat configs: steady users, with a burst in some minutes.

use super::actions::profile_weights;
use super::classes::plain_class;
use super::types::{Context, Draft, DraftPattern, DraftScenario, REQUEST_TIMEOUT_S, ordered_range};
use crate::error::Findings;
use crate::raw::FlatFile;
use crate::said::Said;
use lb_core::workload::ClassMix;
use rand::RngExt;

/// Label of the random stream that says in which minutes bursts come.
const BURSTS: u64 = 0x0062_7572_7374_7300;

/// `base_users` are there throughout and arrive over `ramp_up_minutes`. Each whole minute after that is a
/// burst with the chance `burst_probability`: then the users are `base_users x burst_multiplier`, but
/// at most `max_users`. The seed decides which minutes; bursts in a row are one.
pub(super) fn draft(file: &FlatFile, context: &Context<'_>, findings: &mut Findings) -> Draft {
    let duration_s = file.duration_minutes * 60.0;
    let journey = context.journey.actions.iter().map(|(name, action)| (name.as_str(), action.weight));
    let weights = profile_weights(journey.filter(|(_, weight)| *weight > 0.0));
    let mut class = plain_class("default_user", weights, context, findings);
    if let Some(range) = file.request_delay_range {
        class.think_time_s = ordered_range("request_delay_range", range, findings);
    }
    if let Some(most) = file.max_users.filter(|most| *most < file.base_users) {
        findings.wrong(
            "max_users",
            most,
            format!("is below `base_users` ({}); raise it or lower that", file.base_users),
        );
    }
    let mix = vec![ClassMix { class: 0, share: 1.0, actions: class.actions.clone() }];
    let mut patterns = vec![DraftPattern {
        path: "base_users".to_owned(),
        name: "base".to_owned(),
        end_s: duration_s,
        ramp_up_s: file.ramp_up_minutes * 60.0,
        users: file.base_users,
        mix: mix.clone(),
        ..DraftPattern::default()
    }];
    let wanted = (f64::from(file.base_users) * file.burst_multiplier).round() as u32;
    let extra = wanted.min(file.max_users.unwrap_or(wanted)).saturating_sub(file.base_users);
    for (from, to) in burst_minutes(file, context, extra) {
        patterns.push(DraftPattern {
            path: "burst_probability".to_owned(),
            name: format!("burst at minute {from}"),
            start_s: f64::from(from) * 60.0,
            end_s: (f64::from(to) * 60.0).min(duration_s),
            users: extra,
            mix: mix.clone(),
            ..DraftPattern::default()
        });
    }
    let scenario = DraftScenario {
        path: "duration_minutes".to_owned(),
        name: context.stem.to_owned(),
        classes: vec![class],
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

/// Bursts as first minute and minute after the last.
fn burst_minutes(file: &FlatFile, context: &Context<'_>, extra: u32) -> Vec<(u32, u32)> {
    let mut bursts: Vec<(u32, u32)> = Vec::new();
    if extra == 0 {
        return bursts;
    }
    let mut rng = context.settings.seed.stream(&[BURSTS]);
    let minutes = file.duration_minutes.floor() as u32;
    for minute in 0..minutes {
        let burst = rng.random::<f64>() < file.burst_probability;
        if !burst || f64::from(minute) < file.ramp_up_minutes {
            continue;
        }
        match bursts.last_mut() {
            Some((_, end)) if *end == minute => *end = minute + 1,
            _ => bursts.push((minute, minute + 1)),
        }
    }
    bursts
}
