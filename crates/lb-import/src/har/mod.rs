//! Recordings of browsers (HAR 1.2) as journeys: the pages in the order in which they were visited, with think times as
//! measured.

mod pages;
mod read;

use crate::address::Address;
use crate::assemble::{Draft, Load, round};
use crate::capture::{Captures, correlate};
use crate::error::Problem;
use crate::names::{Names, pattern, word};
use crate::options::{Assets, Options};
use crate::report::Report;
use crate::secret::{Vault, warn_of_text};
use lb_core::workload::{Action, Step};
use pages::{Page, group};
use read::Recorded;
use serde_json::Value;
use std::collections::BTreeMap;

/// The most requests that a journey is made of.
const MOST_REQUESTS: usize = 2_000;

/// Makes a journey of a recording.
pub(crate) fn import(
    document: &Value,
    name: &str,
    options: &Options,
    vault: &mut Vault,
) -> Result<Draft, Problem> {
    let mut report = Report { format: "HAR".to_owned(), ..Report::default() };
    let all = read::exchanges(document, &mut report)?;
    let (origin, chosen) = choose(all, options, &mut report)?;
    if chosen.len() > MOST_REQUESTS {
        return Err(format!(
            "has {} requests for the journey; the limit is {MOST_REQUESTS}, so leave static assets out with \
            --assets drop, or record less",
            chosen.len()
        ));
    }
    note_cookies(&chosen, &mut report);
    let exchanges: Vec<_> = chosen.iter().map(|one| one.exchange.clone()).collect();
    let captures = correlate(&exchanges);
    let pages = group(&chosen);
    let mut steps =
        Writer { captures: &captures, vault, names: Names::default(), report, options, origin: &origin };
    let mut actions: Vec<(String, Action)> = Vec::new();
    let mut names = Names::default();
    for page in &pages {
        let of_page: Vec<Step> =
            page.numbers.iter().map(|number| steps.step(*number, &chosen[*number])).collect();
        let first = &chosen[page.numbers[0]].exchange.request;
        let name = names
            .unique(&word(&format!("{} {}", first.method, pattern(&first.path).replace("{id}", "one"))), "_");
        let think = round(page.think_s);
        let think_time_s = Some([think, think]);
        actions.push((
            name,
            Action { steps: of_page, weight: 1.0, think_time_s, can_be_abandoned: false, tags: Vec::new() },
        ));
    }
    let mut report = steps.report;
    report.captures.clone_from(&captures.lines);
    Ok(Draft {
        name: name.to_owned(),
        description:
            "A visit as a browser recorded it: its pages in order, with the pauses of the recording."
                .to_owned(),
        origin: Some(origin.clone()),
        sequence: actions.iter().map(|(name, _)| name.clone()).collect(),
        actions,
        load: load(&pages),
        report,
        ..Draft::default()
    })
}

/// Returns users who pause between two visits as long as between two pages.
fn load(pages: &[Page]) -> Load {
    let mut gaps: Vec<f64> = pages.iter().skip(1).map(|page| page.think_s).collect();
    gaps.sort_by(f64::total_cmp);
    let middle = gaps.get(gaps.len() / 2).map_or(1.0, |gap| round(*gap));
    Load { think_time_s: [middle, middle], ..Load::default() }
}

/// Returns the origin of the requests to import, and these requests.
fn choose(
    all: Vec<Recorded>,
    options: &Options,
    report: &mut Report,
) -> Result<(String, Vec<Recorded>), Problem> {
    let own: Vec<String> = match options.hosts.is_empty() {
        true => all.first().map(|one| one.address.host.clone()).into_iter().collect(),
        false => options.hosts.iter().map(|host| host.trim().to_ascii_lowercase()).collect(),
    };
    let is_own = |one: &Recorded| own.contains(&one.address.host);
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    for one in all.iter().filter(|one| !is_own(one)) {
        *others.entry(one.address.host.clone()).or_default() += 1;
    }
    let Some(origin) = all.iter().find(|one| is_own(one)).and_then(|one| one.address.origin()) else {
        let known = others.keys().map(String::as_str);
        return Err(format!(
            "has no request to {}; it has requests to {}",
            own.join(", "),
            lb_core::suggest::listing(known)
        ));
    };
    let mut sorted: Vec<(&String, &usize)> = others.iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (host, count) in sorted {
        for _ in 0..*count {
            report
                .leave_out(format!("requests to another host, {host} (--host {host} imports them instead)"));
        }
    }
    let mut chosen = Vec::new();
    for one in all.into_iter().filter(is_own) {
        if options.assets == Assets::Drop && one.is_asset() {
            report.leave_out("static assets (--assets keep imports them)");
        } else {
            chosen.push(one);
        }
    }
    if chosen.is_empty() {
        return Err("has only static assets; import them with --assets keep".to_owned());
    }
    if own.len() > 1 {
        report.note(format!("requests to {} all go to one address, {origin}", own.join(", ")));
    }
    Ok((origin, chosen))
}

/// Notes cookies that were sent although no reply of the recording sets them.
fn note_cookies(chosen: &[Recorded], report: &mut Report) {
    let mut set: Vec<&str> = Vec::new();
    let mut missing: Vec<&str> = Vec::new();
    for one in chosen {
        for name in one.cookies.iter().map(String::as_str) {
            if !set.contains(&name) && !missing.contains(&name) {
                missing.push(name);
            }
        }
        set.extend(one.exchange.reply.cookies().map(|(name, _)| name));
    }
    if !chosen.iter().all(|one| one.cookies.is_empty()) {
        report.note("recorded cookies are left out: each user keeps those that replies set");
    }
    if !missing.is_empty() {
        report.note(format!(
            "the cookies {} were sent before any recorded reply set them; if one is that of a session, record the \
            log-in, too",
            lb_core::suggest::listing(missing)
        ));
    }
}

/// Writes the steps of a recording.
struct Writer<'a> {
    captures: &'a Captures,
    vault: &'a mut Vault,
    names: Names,
    report: Report,
    options: &'a Options,
    origin: &'a str,
}

impl Writer<'_> {
    fn step(&mut self, number: usize, recorded: &Recorded) -> Step {
        let exchange = &recorded.exchange;
        let (captures, vault, report) = (self.captures, &mut *self.vault, &mut self.report);
        let mut request = exchange.request.clone();
        let sent_to = self.options.url.as_deref().unwrap_or(self.origin);
        move_origin(&mut request.headers, self.origin, sent_to);
        warn_of_text(&request.body, &exchange.label, report);
        let name = self.names.unique(&pattern(&request.path), " ");
        let mut step = request.step(&name, &mut |spot, value| {
            let captured = captures.variable(number, spot, value);
            captured.or_else(|| vault.replace(&exchange.request, &exchange.label, spot, value, report))
        });
        step.extract.clone_from(&captures.extract[number]);
        // Without the value, later requests of the session would fail, too.
        step.required = !step.extract.is_empty();
        step.expect = match exchange.reply.status {
            // The recording had a copy in the cache of the browser.
            304 => vec![200, 304],
            status => vec![status],
        };
        step
    }
}

/// Writes the origin that requests are sent to into the headers that name the recorded one. The query of a `Referer` is
/// left out: it may hold what the recording should not.
fn move_origin(headers: &mut [(String, String)], from: &str, to: &str) {
    let to = Address::parse(to).origin().unwrap_or_else(|| to.to_owned());
    for (name, value) in headers {
        if ["origin", "referer"].contains(&name.to_ascii_lowercase().as_str())
            && let Some(rest) = value.strip_prefix(from)
            && (rest.is_empty() || rest.starts_with('/'))
        {
            *value = format!("{to}{}", rest.split('?').next().unwrap_or_default());
        }
    }
}
