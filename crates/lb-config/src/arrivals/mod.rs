//! The open model of a plan: validates `bench.arrivals` or `--arrivals`, and applies it to
//! the patterns of a scenario in place of their users.

mod short;
pub(super) mod words;

use super::document::join;
use super::draft::types::DraftScenario;
use super::error::Findings;
use super::raw::{self, ArrivalSettings, MOST_PER_SECOND, Process, RateStage};
use super::said::Said;
use super::settings::Settings;
use lb_core::time::Span;
use lb_core::workload::{ArrivalProcess, ArrivalStart, Arrivals, Journey, RateSegment, Spacing};
use serde_json::Value;

/// The arrival process of every pattern.
pub(super) struct OpenModel {
    path: String,
    rates: Rates,
    start: ArrivalStart,
}

/// The rates of an arrival process; each pattern sets its duration.
enum Rates {
    /// A constant rate.
    Level(f64, Spacing),
    /// A linear change from one rate to another.
    Ramp([f64; 2], Spacing),
    /// Stages, each from one rate to another.
    Stages(Vec<RateStage>, Spacing),
    /// The calm and the busy rate, and the mean stay in each state, in seconds.
    Bursts([f64; 2], [f64; 2]),
}

/// Reads the arrivals that a flag or the config sets. `None` in the closed model, or after a problem.
pub(super) fn read_asked(settings: &Settings, findings: &mut Findings) -> Option<Said<ArrivalSettings>> {
    let Said { at, value, by } = settings.arrivals.clone()?;
    let read = match value {
        raw::Arrivals::Long(long) => *long,
        raw::Arrivals::Short(text) => {
            short::read(&text).map_err(|message| findings.wrong(&at, text, message)).ok()?
        }
    };
    Some(Said { at, value: read, by })
}

/// Checks the settings. `None` for a replay, which brings its own arrivals, or after a problem.
pub(super) fn open_model(
    asked: &Said<ArrivalSettings>,
    journey: &Journey,
    findings: &mut Findings,
) -> Option<OpenModel> {
    let Said { at: path, value: settings, .. } = asked;
    let rates = match settings.process {
        Process::Constant | Process::Poisson => levels(path, settings, findings)?,
        Process::Ramp => {
            let ends = needed(path, "rates", settings.rates, "two rates, such as [100, 800]", findings)?;
            Rates::Ramp(ends, spacing(settings.spacing, Spacing::Poisson))
        }
        Process::Bursts => {
            let rates = needed(path, "rates", settings.rates, "two rates, calm and busy", findings);
            let stays =
                needed(path, "mean_stay_s", settings.mean_stay_s, "two mean stay times in seconds", findings);
            Rates::Bursts(rates?, stays?)
        }
        Process::Replay => return None,
    };
    refuse_idle_keys(path, settings, findings);
    let start = start(path, settings, journey, findings)?;
    let model = OpenModel { path: path.clone(), rates, start };
    model.check(findings).then_some(model)
}

/// Reads a single rate or stages of rates, evenly spaced or as a Poisson process.
fn levels(path: &str, settings: &ArrivalSettings, findings: &mut Findings) -> Option<Rates> {
    let name = if settings.process == Process::Poisson { "poisson" } else { "constant" };
    let spacing = match (settings.process, settings.spacing) {
        (Process::Poisson, Some(raw::Spacing::Even)) => {
            let message = "contradicts `process: poisson`; use `process: constant` for even gaps";
            findings.wrong(&join(path, "spacing"), "even", message);
            return None;
        }
        (Process::Poisson, _) => Spacing::Poisson,
        (_, given) => spacing(given, Spacing::Even),
    };
    match (settings.rate, &settings.stages) {
        (Some(rate), None) => Some(Rates::Level(rate, spacing)),
        (None, Some(stages)) => Some(Rates::Stages(stages.clone(), spacing)),
        (given, _) => {
            let message = match given {
                Some(_) => "has both a rate and stages; keep one of them".to_owned(),
                None => format!("`{name}` needs `rate` (arrivals per second) or `stages`"),
            };
            findings.wrong(path, name, message);
            None
        }
    }
}

fn needed<T>(path: &str, key: &str, value: Option<T>, what: &str, findings: &mut Findings) -> Option<T> {
    if value.is_none() {
        findings.wrong(&join(path, key), Value::Null, format!("missing; it must be {what}"));
    }
    value
}

fn spacing(given: Option<raw::Spacing>, usual: Spacing) -> Spacing {
    match given {
        Some(raw::Spacing::Even) => Spacing::Even,
        Some(raw::Spacing::Poisson) => Spacing::Poisson,
        None => usual,
    }
}

/// Reports keys that the process would ignore.
fn refuse_idle_keys(path: &str, settings: &ArrivalSettings, findings: &mut Findings) {
    let of = |processes: &[Process]| !processes.contains(&settings.process);
    let (levels, ramp, bursts) =
        ([Process::Constant, Process::Poisson], [Process::Ramp, Process::Bursts], [Process::Bursts]);
    let idle = [
        ("rate", settings.rate.is_some() && of(&levels), "`constant`, `poisson` and `replay`"),
        ("stages", settings.stages.is_some() && of(&levels), "`constant` and `poisson`"),
        ("rates", settings.rates.is_some() && of(&ramp), "`ramp` and `bursts`"),
        ("mean_stay_s", settings.mean_stay_s.is_some() && of(&bursts), "`bursts`"),
        ("spacing", settings.spacing.is_some() && !of(&bursts), "`constant`, `poisson` and `ramp`"),
        ("file", settings.file.is_some(), "`replay`"),
        ("format", settings.format.is_some(), "`replay`"),
        ("speed", settings.speed.is_some(), "`replay`"),
        ("log_format", settings.log_format.is_some(), "`replay`"),
        ("fields", settings.fields.is_some(), "`replay`"),
        ("spread", settings.spread.is_some(), "`replay`"),
        ("expect", settings.expect.is_some(), "`replay`"),
        ("host", settings.host.is_some(), "`replay`"),
        ("cycle", settings.cycle.is_some(), "`replay`"),
        ("paths", settings.paths.is_some(), "`replay`"),
    ];
    for (key, _, process) in idle.into_iter().filter(|(_, idle, _)| *idle) {
        let message = format!("applies only to {process}; leave it out or change `process`");
        findings.wrong(&join(path, key), Value::Null, message);
    }
}

/// Returns what an arrival does. By default a session if sessions open with something, such as a log-in,
/// or follow a sequence, and otherwise an action.
fn start(
    path: &str,
    settings: &ArrivalSettings,
    journey: &Journey,
    findings: &mut Findings,
) -> Option<ArrivalStart> {
    let opens = !journey.session.open.is_empty();
    match settings.start {
        Some(raw::Start::Action) if opens => {
            let message = format!(
                "sessions of the journey `{}` open with {}, which single actions would skip; use `session`, or a journey without them",
                journey.name,
                lb_core::suggest::listing(journey.session.open.iter().map(String::as_str))
            );
            findings.wrong(&join(path, "start"), "action", message);
            None
        }
        Some(raw::Start::Action) if !journey.session.sequence.is_empty() => {
            let message = format!(
                "sessions of the journey `{}` follow a sequence, which single actions would break; use `session`",
                journey.name
            );
            findings.wrong(&join(path, "start"), "action", message);
            None
        }
        Some(raw::Start::Session) => Some(ArrivalStart::Session),
        None if !journey.session.sequence.is_empty() => Some(ArrivalStart::Session),
        None if opens => Some(ArrivalStart::Session),
        Some(raw::Start::Action) | None => Some(ArrivalStart::Action),
    }
}

impl OpenModel {
    /// Returns whether the rates can be offered, and reports a problem otherwise.
    fn check(&self, findings: &mut Findings) -> bool {
        let rates = match &self.rates {
            Rates::Level(rate, _) => vec![*rate],
            Rates::Ramp(rates, _) | Rates::Bursts(rates, _) => rates.to_vec(),
            Rates::Stages(stages, _) => stages.iter().flat_map(|stage| [stage.from, stage.to]).collect(),
        };
        let greatest = rates.into_iter().fold(0.0, f64::max);
        if greatest <= 0.0 {
            findings.wrong(&self.path, 0, "nothing would ever arrive; at least one rate must be above 0");
        } else if greatest > MOST_PER_SECOND {
            findings.wrong(
                &self.path,
                greatest,
                format!("must be at most {MOST_PER_SECOND} arrivals per second"),
            );
        }
        greatest > 0.0 && greatest <= MOST_PER_SECOND
    }

    /// Removes the users of all patterns, with notes, before the timeline is scaled.
    pub(super) fn replace_users(&self, draft: &mut DraftScenario, findings: &mut Findings) {
        let instead = format!("`{}` takes the place of users, so this has no effect", self.path);
        if let Some(cap) = draft.cap.take() {
            let message = format!("{instead}; `max_in_flight` limits the sessions at once");
            findings.note(&join(&draft.path, "max_concurrent_users"), cap, message);
        }
        for pattern in &mut draft.patterns {
            findings.note(&join(&pattern.path, "concurrent_users"), pattern.users, instead.as_str());
            if pattern.ramp_up_s > 0.0 {
                let message = format!("{instead}; a `ramp` of rates is a ramp-up of arrivals");
                findings.note(&join(&pattern.path, "ramp_up_time_seconds"), pattern.ramp_up_s, message);
            }
            let variance = &mut pattern.chaos.concurrent_user_variance;
            if *variance > 0.0 {
                let key = join(&join(&pattern.path, "chaos_parameters"), "concurrent_user_variance");
                findings.note(&key, *variance, instead.as_str());
                *variance = 0.0;
            }
            pattern.users = 0;
            pattern.ramp_up_s = 0.0;
        }
        if self.start == ArrivalStart::Action {
            let message =
                "each arrival is a single action, so think times and session lengths have no effect";
            findings.note(&join(&self.path, "start"), "action", message);
        }
    }

    /// Sets the arrivals of every pattern, on the scaled timeline.
    pub(super) fn lay_over(&self, draft: &mut DraftScenario, findings: &mut Findings) {
        if let (Rates::Bursts(_, stays), true) = (&self.rates, (draft.time_factor - 1.0).abs() > 1e-9) {
            let message =
                "calm and busy times are not scaled with the timeline, so there are fewer or more of them";
            findings.note(&self.path, stays.to_vec(), message);
        }
        let factor = draft.time_factor;
        for pattern in draft.patterns.iter_mut().filter(|pattern| !pattern.background) {
            let length =
                Span::from_secs_f64(pattern.end_s).saturating_sub(Span::from_secs_f64(pattern.start_s));
            self.note_length(&pattern.name, length, factor, findings);
            pattern.arrivals = Some(Arrivals { process: self.process(length, factor), start: self.start });
        }
    }

    fn process(&self, length: Span, factor: f64) -> ArrivalProcess {
        let line = |from, to| vec![RateSegment { duration: length, from, to }];
        let (segments, spacing) = match &self.rates {
            Rates::Level(rate, spacing) => (line(*rate, *rate), *spacing),
            Rates::Ramp([from, to], spacing) => (line(*from, *to), *spacing),
            Rates::Stages(stages, spacing) => {
                let segment = |stage: &RateStage| RateSegment {
                    duration: Span::from_secs_f64(stage.duration_s * factor),
                    from: stage.from,
                    to: stage.to,
                };
                (stages.iter().map(segment).collect(), *spacing)
            }
            Rates::Bursts(rates, mean_stay_s) => {
                return ArrivalProcess::Bursts { rates: *rates, mean_stay_s: *mean_stay_s };
            }
        };
        ArrivalProcess::Rates { segments, spacing }
    }

    /// Adds a note if stages of rates do not fill their pattern exactly.
    fn note_length(&self, pattern: &str, length: Span, factor: f64, findings: &mut Findings) {
        let Rates::Stages(stages, _) = &self.rates else { return };
        let stages: f64 = stages.iter().map(|stage| stage.duration_s * factor).sum();
        let length = length.as_secs_f64();
        if (stages - length).abs() < 1e-3 {
            return;
        }
        let what =
            if stages > length { "they are cut at its end" } else { "their last rate is kept until its end" };
        let message =
            format!("the stages last {stages:.1} s but the pattern `{pattern}` lasts {length:.1} s: {what}");
        findings.note(&join(&self.path, "stages"), stages, message);
    }
}
