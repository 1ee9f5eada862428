//! `bench-history trend`: all series on a page.

use crate::args::TrendArgs;
use crate::print;
use lb_core::with_causes;
use lb_history::{ChangeOptions, History, HistoryError, changes, render_trend};
use lb_results::write_whole;

pub(crate) fn execute(history: &mut History, args: &TrendArgs) -> Result<u8, HistoryError> {
    let series = history.series(&args.filter.filter(args.since))?;
    let found = changes(&series, &ChangeOptions { smallest: args.smallest, since: None });
    let page = render_trend(history.name(), &series, &found);
    write_whole(&args.out, |file| Ok(file.write_all(page.as_bytes())?)).map_err(|error| {
        HistoryError::Output { path: args.out.display().to_string(), problem: with_causes(error.as_ref()) }
    })?;
    print(&format!("{}: {} series, {} marked changes", args.out.display(), series.len(), found.len()));
    Ok(0)
}
