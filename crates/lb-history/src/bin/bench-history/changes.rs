//! `bench-history changes`: when something changed, by how much, and how sure that is.

use crate::args::ChangesArgs;
use crate::{print, print_json};
use lb_history::{ChangeOptions, History, HistoryError, Series, changes};
use std::collections::BTreeSet;

/// With fewer runs, no change of a series can be told: two stretches of three are the least.
const FEWEST: usize = 6;

pub(crate) fn execute(history: &mut History, args: &ChangesArgs) -> Result<u8, HistoryError> {
    let series = history.series(&args.filter.filter(None))?;
    let found = changes(&series, &ChangeOptions { smallest: args.smallest, since: args.since });
    if args.json {
        print_json(&found)?;
        return Ok(0);
    }
    let hosts: BTreeSet<&str> = series.iter().map(|one| one.host.as_str()).collect();
    for change in &found {
        let place = if hosts.len() > 1 { format!(", on {}", change.host) } else { String::new() };
        print(&format!("{}{place}", change.sentence));
    }
    print(&closing(found.len(), &series));
    Ok(0)
}

/// Says how many changes there are, and among how much.
fn closing(found: usize, series: &[Series]) -> String {
    let runs: BTreeSet<&str> =
        series.iter().flat_map(|one| one.points.iter().map(|point| point.run_id.as_str())).collect();
    let short = series.iter().filter(|one| one.points.len() < FEWEST).count();
    let found = match found {
        0 => "no change".to_owned(),
        1 => "1 change".to_owned(),
        more => format!("{more} changes"),
    };
    let mut text = format!("{found} in {} series over {} runs", series.len(), runs.len());
    if short > 0 {
        text += &format!("; {short} of them have fewer than {FEWEST} runs, too few to tell");
    }
    text
}
