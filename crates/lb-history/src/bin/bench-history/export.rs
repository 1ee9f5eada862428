//! `bench-history export`: estimates as CSV or Parquet.

use crate::args::ExportArgs;
use crate::print;
use lb_history::{History, HistoryError, write_csv, write_parquet};
use lb_results::write_whole;
use std::io::Write;
use std::path::Path;

pub(crate) fn execute(history: &mut History, args: &ExportArgs) -> Result<u8, HistoryError> {
    let series = history.series(&args.filter.filter(args.since))?;
    if let Some(path) = &args.csv {
        if path == Path::new("-") {
            let mut text = Vec::new();
            write_csv(&series, &mut text).map_err(|error| failed(path, &error))?;
            lb_io::print_raw(&text);
        } else {
            write(path, |out| Ok(write_csv(&series, out)?))?;
        }
    }
    if let Some(path) = &args.parquet {
        write(path, |out| write_parquet(&series, out))?;
    }
    Ok(0)
}

/// Writes a whole file, and says how many rows it has.
fn write(
    path: &Path,
    fill: impl FnOnce(&mut (dyn Write + Send)) -> anyhow::Result<usize>,
) -> Result<(), HistoryError> {
    let mut rows = 0;
    let written = write_whole(path, |out| {
        rows = fill(out)?;
        Ok(())
    });
    written.map_err(|error| failed(path, &format!("{error:#}")))?;
    print(&format!("{}: {rows} rows", path.display()));
    Ok(())
}

fn failed(path: &Path, problem: &impl ToString) -> HistoryError {
    HistoryError::Output { path: path.display().to_string(), problem: problem.to_string() }
}
