//! The reports of a night, in the folder of its run.

use super::NightJob;
use super::webhook::send;
use crate::cli::shared::print;
use crate::exit::{ExitCode, Failure, OrExit};
use lb_analysis::runs::FolderComparison;
use lb_core::plain;
use lb_io::complain;
use lb_nightly::{Night, render_night_junit, render_night_markdown, render_night_step_summary};
use lb_report::parts::add_step_summary;
use lb_results::ResultsFolder;
use std::ffi::OsStr;
use std::path::Path;

/// The trend page.
const TREND: &str = "trend.html";

impl NightJob<'_> {
    /// Writes the reports, prints the verdict, and tells the webhook.
    pub(super) async fn report(
        &self,
        night: &mut Night,
        comparison: Option<&FolderComparison>,
        folder: &Path,
    ) -> Result<(), Failure> {
        let results = ResultsFolder::create(folder).or_exit(ExitCode::Preflight)?;
        let mut files = Vec::new();
        match self.draw_trend(folder) {
            Ok(()) => files.push(folder.join(TREND)),
            Err(said) => night.notes.push(format!("the trend was not drawn: {said}")),
        }
        let json = serde_json::to_string_pretty(night).or_exit(ExitCode::Internal)?;
        let step_summary = render_night_step_summary(night, comparison);
        let reports = [
            ("nightly.json", json.as_str()),
            ("nightly.md", &render_night_markdown(night, comparison)),
            ("nightly-junit.xml", &render_night_junit(night, comparison)),
            ("nightly-step-summary.md", &step_summary),
        ];
        for (name, text) in reports {
            results.write(name, text.as_bytes()).or_exit(ExitCode::Preflight)?;
            files.push(folder.join(name));
        }
        files.extend(add_step_summary(&step_summary).or_exit(ExitCode::Preflight)?);
        say(night);
        for file in files {
            print(&format!("report: {}", file.display()));
        }
        if let Some(url) = &self.args.webhook
            && let Err(why) = send(url, &json).await
        {
            complain(format_args!("warning: --webhook: {}", plain::line(&why)));
        }
        Ok(())
    }

    fn draw_trend(&self, folder: &Path) -> Result<(), String> {
        let page = folder.join(TREND);
        let words: [&OsStr; 3] = ["trend".as_ref(), "--out".as_ref(), page.as_os_str()];
        self.history.tell(words).map(drop).map_err(|refused| refused.said)
    }
}

/// Prints the verdict: what was found, why something was not judged, and what else to know.
fn say(night: &Night) {
    print(&format!("\nnightly: {}", night.sentence));
    for finding in &night.findings {
        print(&format!("{}: {}", finding.confirmation.words(), finding.sentence));
    }
    for reason in &night.reasons {
        print(&format!("not judged: {reason}"));
    }
    for note in &night.notes {
        complain(format_args!("warning: {}", plain::lines(note)));
    }
}
