//! The load balancer under test: one that is named, one that is declared, one at an address from a flag or the
//! `bench` block, several to compare, or else the reference.

use super::algorithms::Runner;
use super::declaration_file::is_declaration;
use super::declared::settle_declared;
use super::engine::Engine;
use super::error::{Findings, Problem};
use super::load_balancer::{LoadBalancer, Target};
use super::planned::PlannedScenario;
use super::policy::TrainedPolicy;
use super::said::Said;
use super::settings::{Settings, TargetSettings};
use super::url;
use lb_admin_client::{Declaration, Kind, Switching};
use lb_core::Algorithm;
use lb_core::secret::{Secret, mask_passwords};
use lb_core::suggest::listing;
use lb_core::topology::Topology;
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;

/// Name in results of an address that is measured as it is.
const AS_IS: &str = "as-it-is";
/// Longest such name: a row of a table fits a terminal.
const LONGEST_LABEL: usize = 64;
/// Address for configs that do not set one.
const BASE_URL: &str = "http://localhost:8080/proxy";

/// Resolves the load balancer under test. `written` is the address in the dialect's own key; `own` says whether
/// the user wrote the config, which lies in `folder`.
pub(super) fn settle_target(
    written: Option<&Said<String>>,
    own: bool,
    settings: &TargetSettings,
    folder: Option<&Path>,
    findings: &mut Findings,
) -> Target {
    // A name may also be a URL: that of a load balancer with the admin API of the reference.
    let (named, its_url) = match settings.name.clone() {
        Some(named) if named.value.contains("://") => (None, Some(named)),
        Some(named) if is_declaration(&named.value) => (None, None),
        named => (named, None),
    };
    let is_declared = settings.is_declared();
    let declared = settle_declared(settings, folder, findings);
    let driven = settings.name.is_some() || settings.admin.is_some() || is_declared;
    let load_balancer = named.as_ref().and_then(|named| read(&named.at, &named.value, findings));
    let compared = compared(settings.compared.as_ref(), findings);
    let url = match (settings.url.clone(), its_url) {
        (Some(url), Some(other)) if url.is_flag() => {
            let message =
                format!("names a different load balancer than {} = {}; leave one out", url.at, url.value);
            findings.wrong(&other.at, other.value, message);
            Some(url)
        }
        (_, Some(url)) | (Some(url), None) => Some(url),
        (None, None) => declared_entry(settings, declared.as_deref(), findings),
    };
    let explicit = url.is_some() || is_declared;
    if settings.in_config && !explicit && load_balancer.is_none() && named.is_none() {
        findings.wrong(
            "bench.load_balancer",
            json!({}),
            format!("has neither `kind` ({}) nor the `url` of a running one", LoadBalancer::all_names()),
        );
    }
    let fallback = || Said::by_default("base_url", BASE_URL.to_owned());
    let url = url.or_else(|| written.cloned()).unwrap_or_else(fallback);
    let real = matches!(load_balancer, Some(LoadBalancer::Real(_)));
    let as_is = (explicit && !driven).then(|| read_label(settings.label.as_ref(), findings));
    if let (Some(label), None) = (&settings.label, &as_is) {
        let message = "names what is measured as it is at an address; give --url without --load-balancer and \
            --admin, or leave the label out";
        findings.wrong(&label.at, label.value.as_str(), message);
    }
    let full_url = entry(url, real || as_is.is_some() || is_declared, findings);
    let target = Target {
        base_url: mask_passwords(&full_url).into_owned(),
        full_url: Secret::new(full_url),
        explicit,
        of_config: own && written.is_some(),
        as_is,
        declared,
        admin_url: settings.admin.as_ref().map(|admin| admin_address(admin, real, findings)),
        admin_token: settings.admin_token.clone(),
        admin_token_file: settings.admin_token_file.clone(),
        load_balancer,
        compared,
        program: settings.program.as_ref().map(|program| program.value.clone()),
        listen: settings.listen.as_ref().and_then(|listen| listen_address(listen, findings)),
        switching: settings.switching.as_ref().map_or_else(Switching::default, |switching| switching.value),
        backend_from: settings.backend_from.as_ref().map(|from| from.value.clone()),
        backends: settings.backends.as_ref().map(|names| names.value.clone()).unwrap_or_default(),
    };
    check(&target, settings, findings);
    check_switching(&target, settings.switching.as_ref(), findings);
    check_backends(&target, settings, findings);
    target
}

/// Returns the address that a declaration gives. A declaration without one is a problem.
fn declared_entry(
    settings: &TargetSettings,
    declared: Option<&Declaration>,
    findings: &mut Findings,
) -> Option<Said<String>> {
    let declared = declared?;
    let (at, way_out) = match (&settings.declared, &settings.name) {
        (None, Some(named)) => (format!("{} ({}): url", named.at, named.value), "add it, or give --url"),
        _ => ("bench.load_balancer.url".to_owned(), "add it"),
    };
    match &declared.url {
        Some(url) => Some(Said::by_config(at, url.clone())),
        None => {
            let message = format!("missing; it is the address to which requests are sent: {way_out}");
            findings.problem(Problem::of_key(at, message));
            None
        }
    }
}

/// Returns the contestant that has this name in results.
fn read_label(said: Option<&Said<String>>, findings: &mut Findings) -> Algorithm {
    let Some(Said { at, value, .. }) = said else { return Algorithm::foreign(AS_IS) };
    let name = value.trim();
    let length = name.chars().count();
    if length == 0 || length > LONGEST_LABEL || name.contains(|c: char| c.is_control() || c == ',') {
        let message =
            format!("is not a label; use 1 to {LONGEST_LABEL} characters without commas, such as `before`");
        findings.wrong(at, value.as_str(), message);
        return Algorithm::foreign(AS_IS);
    }
    Algorithm::foreign(name)
}

fn read(at: &str, name: &str, findings: &mut Findings) -> Option<LoadBalancer> {
    name.parse().map_err(|message: String| findings.wrong(at, name, message)).ok()
}

/// Returns the load balancers to compare, without duplicates.
fn compared(said: Option<&Said<Vec<String>>>, findings: &mut Findings) -> Vec<LoadBalancer> {
    let mut compared = Vec::new();
    let Some(Said { at, value: names, .. }) = said else { return compared };
    for name in names {
        let Some(one) = read(at, name.trim(), findings) else {
            continue;
        };
        if compared.contains(&one) {
            findings.note(at, name.as_str(), "duplicate; it runs once");
        } else {
            compared.push(one);
        }
    }
    compared
}

/// Returns the URL of the entry, with `/proxy` added if it is needed.
fn entry(Said { at, value: url, .. }: Said<String>, real: bool, findings: &mut Findings) -> String {
    match url::check(&url) {
        // Real load balancers serve services at the root by default.
        Ok(_) if real => url.trim_end_matches('/').to_owned(),
        Ok(uri) => {
            let (entry, added) = url::with_entry(&url, &uri);
            if added {
                let message = format!("has no path, so services are expected below {entry}");
                findings.note(&at, url, message);
            }
            entry
        }
        Err(message) => {
            findings.wrong(&at, url.as_str(), message);
            url
        }
    }
}

/// Returns the admin address of a running load balancer.
fn admin_address(admin: &Said<String>, real: bool, findings: &mut Findings) -> String {
    // Sockets and folders are not URLs; the adapters check them.
    if (!real || admin.value.contains("://"))
        && let Err(message) = url::check_admin(&admin.value)
    {
        findings.wrong(&admin.at, admin.value.as_str(), message);
    }
    admin.value.trim_end_matches('/').to_owned()
}

fn listen_address(listen: &Said<String>, findings: &mut Findings) -> Option<SocketAddr> {
    let parsed = listen.value.parse::<SocketAddr>().ok().filter(|address| address.port() != 0);
    if parsed.is_none() {
        let message = "is not an address with a port; use `127.0.0.1:8080`";
        findings.wrong(&listen.at, listen.value.as_str(), message);
    }
    parsed
}

/// Reports settings that contradict each other, except for the way of switching.
fn check(target: &Target, settings: &TargetSettings, findings: &mut Findings) {
    let real = match target.load_balancer {
        Some(LoadBalancer::Real(kind)) => Some(kind),
        _ => None,
    };
    if let (Some(kind), Some(name), true, None) = (real, &settings.name, target.explicit, &target.admin_url) {
        let (place, word) =
            if name.is_flag() { ("--admin", "--admin") } else { ("bench.load_balancer.admin", "`admin`") };
        let message = format!("{kind} that runs already needs {word}: {}", kind.admin_flag);
        findings.wrong(place, json!(null), message);
    }
    if let (Some(admin), true) = (&settings.admin, settings.is_declared()) {
        let message = "has no use: a declared load balancer is switched by its steps; leave it out";
        findings.wrong(&admin.at, admin.value.as_str(), message);
    }
    if real.is_some() && !target.explicit {
        return;
    }
    let message = "applies only to a real load balancer that `bench` starts; name one, such as \
        `haproxy`, without a URL";
    if let Some(program) = &settings.program {
        findings.wrong(&program.at, program.value.to_string_lossy().into_owned(), message);
    }
    if let (Some(listen), Some(_)) = (&settings.listen, target.listen) {
        findings.wrong(&listen.at, listen.value.as_str(), message);
    }
}

/// Reports a way of switching that no load balancer of the run supports, and notes which load balancers
/// ignore it.
fn check_switching(target: &Target, asked: Option<&Said<Switching>>, findings: &mut Findings) {
    let Some(asked) = asked.filter(|asked| asked.value == Switching::Config) else { return };
    let driven = if target.compared.is_empty() {
        target.load_balancer.into_iter().collect()
    } else {
        target.compared.clone()
    };
    let offers = |one: &LoadBalancer| match one {
        LoadBalancer::Real(kind) => kind.offers(Switching::Config),
        LoadBalancer::Reference => false,
    };
    let (offering, others): (Vec<LoadBalancer>, Vec<LoadBalancer>) = driven.into_iter().partition(offers);
    let able = Kind::ALL.iter().filter(|kind| kind.offers(Switching::Config)).map(|kind| kind.name());
    let able = listing(able);
    let names: Vec<String> = others.iter().map(ToString::to_string).collect();
    match (offering.is_empty(), names.as_slice()) {
        (true, []) => {
            let message = format!(
                "the embedded load balancer and others with its admin API switch by a call; leave \
                `switching` out, or name one of {able}"
            );
            findings.wrong(&asked.at, "config", message);
        }
        (true, names) => {
            let message = format!(
                "{} never switched by a new configuration; leave `switching` out, or name one of {able}",
                verb(names)
            );
            findings.wrong(&asked.at, "config", message);
        }
        (false, []) => {}
        (false, names) => {
            let message =
                format!("{} not switched by a new configuration, but in the usual way", verb(names));
            findings.note(&asked.at, "config", message);
        }
    }
}

/// Reports what cannot name backends, and names that no load balancer of the run needs.
fn check_backends(target: &Target, settings: &TargetSettings, findings: &mut Findings) {
    let from = settings.backend_from.as_ref();
    if let Some(Said { at, value, .. }) = from
        && let Some(message) = value.fault()
    {
        findings.wrong(at, json!(value), message);
    }
    let names = settings.backends.as_ref();
    if let Some(Said { at, value: names, .. }) = names {
        for (number, name) in
            names.iter().enumerate().filter(|(number, name)| names[..*number].contains(name))
        {
            findings.wrong(&format!("{at}[{number}]"), name.as_str(), "is named twice; leave one out");
        }
    }
    let mut said: Vec<(&str, serde_json::Value)> = Vec::new();
    said.extend(from.map(|from| (from.at.as_str(), json!(from.value))));
    said.extend(names.map(|names| (names.at.as_str(), json!(names.value))));
    for (at, value) in said {
        if settings.is_declared() {
            let message = "belongs into the declaration of the load balancer, under the same key";
            findings.wrong(at, value, message);
        } else if !target.started().is_empty() && !target.is_named_by_config() {
            let message = "has no effect: the load balancers that `bench` starts list their backends and name them in \
                           every reply";
            findings.note(at, value, message);
        }
    }
}

/// Joins names with the verb that follows them: `a is`, `a, b are`.
fn verb(names: &[String]) -> String {
    format!("{} {}", names.join(", "), if names.len() == 1 { "is" } else { "are" })
}

/// Returns the load balancers that run the algorithms.
pub(super) fn runner_of<'a>(target: &'a Target, policy: Option<&'a TrainedPolicy>) -> Runner<'a> {
    if let Some(spec) = &target.declared {
        return Runner::Declared(spec);
    }
    match (target.started(), target.load_balancer) {
        (started, _) if !started.is_empty() => Runner::Started(started, policy),
        // It may have an `rl` of its own.
        (_, Some(LoadBalancer::Reference) | None) => Runner::External,
        (_, Some(one)) => Runner::Started(vec![one], policy),
    }
}

/// Notes which load balancers ignore the weights of a topology under an algorithm that considers them elsewhere:
/// one name then means two rules.
pub(super) fn note_ignored_weights(target: &Target, scenarios: &[PlannedScenario], findings: &mut Findings) {
    let mut noted: Vec<(LoadBalancer, Algorithm)> = Vec::new();
    for planned in scenarios.iter().filter(|planned| has_unequal_weights(&planned.scenario.topology)) {
        for one in target.started() {
            let LoadBalancer::Real(kind) = one else { continue };
            for algorithm in
                planned.algorithms.iter().copied().filter(|algorithm| kind.ignores_weights(*algorithm))
            {
                if !noted.contains(&(one, algorithm)) {
                    noted.push((one, algorithm));
                    let message = format!("{kind} ignores the weights of backends under {algorithm}");
                    findings.note("bench.topology", planned.scenario.topology.name.as_str(), message);
                }
            }
        }
    }
}

/// Returns whether the backends of some pool differ in weight.
fn has_unequal_weights(topology: &Topology) -> bool {
    topology.pools.iter().any(|pool| {
        let mut weights = pool.backends.iter().map(|backend| backend.weight);
        let first = weights.next();
        weights.any(|weight| Some(weight) != first)
    })
}

/// Reports flags that apply only to a reference load balancer that `bench` starts, if it does not start one.
pub(super) fn ours_only(target: &Target, settings: &Settings, findings: &mut Findings) {
    let steered = matches!(target.load_balancer, Some(LoadBalancer::Real(_)));
    if target.explicit && settings.balancers.is_flag() {
        let message = "cannot be set for a running load balancer; leave --balancers out, or leave \
                       the load balancer out to use the embedded one";
        findings.wrong(&settings.balancers.at, settings.balancers.value, message);
    }
    if target.as_is.is_some()
        && let Some(flag) = Some(&settings.algorithms).filter(|algorithms| algorithms.is_flag())
    {
        let names: Vec<&str> = flag.value.iter().map(|name| name.value.as_str()).collect();
        let message = "cannot be switched at an address without an admin API; name the load balancer there with \
                       --load-balancer or its admin API with --admin, or leave --algorithms out to measure what \
                       answers as it is";
        findings.wrong(&flag.at, names.join(","), message);
    }
    if let Some(said) = &settings.load_reports
        && settings.engine != Some(Engine::Sim)
        && !target.may_be_reference()
    {
        let message = "is read by the reference load balancer alone, in front of mock backends; leave it out, or leave \
                       the load balancer out to use the embedded one";
        findings.wrong(&said.at, json!(said.value), message);
    }
    let policy = settings.policy.as_ref().filter(|policy| policy.is_flag());
    if let Some(policy) = policy.filter(|_| target.explicit && !steered) {
        let message = "the running load balancer follows its own policy; reload it there, or leave \
                       the load balancer out to use the embedded one";
        findings.wrong(&policy.at, policy.value.to_string_lossy().into_owned(), message);
    }
}
