//! A run in progress: its steps, their results, and the files written at the end.

use super::args::Settings;
use super::execution::{ExecutionResults, ScenarioResult};
use super::folder::RunFolder;
use super::log::{Log, log_load_to};
use super::observe::Observe;
use super::prerequisites::libtorch_version;
use crate::evaluate::Trained;
use crate::files::write_whole;
use crate::report::{self, ExportReport, Lists, RunReport, StepReport};
use crate::train::SharedPlayers;
use harness::exit::{ExitCode, Failure, OrExit};
use harness::experiment::Interrupt;
use jiff::Zoned;
use lb_core::policy::PolicyFile;
use lb_results::Host;
use std::sync::Arc;
use std::time::Instant;

/// Name of the machine-readable record of the run.
const RECORD: &str = "run.json";

/// A run in progress.
pub(super) struct Run {
    pub(super) settings: Settings,
    /// Who plays the episodes of training runs.
    pub(super) players: SharedPlayers,
    pub(super) folder: RunFolder,
    pub(super) interrupt: Interrupt,
    /// Runtime for live traffic.
    pub(super) runtime: tokio::runtime::Runtime,
    /// Data for the reports.
    pub(super) report: RunReport,
    /// The policy in the run's folder.
    pub(super) exported: Option<Arc<PolicyFile>>,
    /// Results by scenario, for the record in `logs/`.
    pub(super) results: Vec<ScenarioResult>,
    /// Observer that shows the progress of the run.
    pub(super) observer: Box<dyn Observe>,
    log: Log,
    started: Zoned,
    begun: Instant,
    /// Exit code of the first step that failed.
    failure: Option<ExitCode>,
}

impl Run {
    /// Creates the folder and begins the run.
    pub(super) fn begin(
        settings: Settings,
        command: Vec<String>,
        interrupt: Interrupt,
        observer: Box<dyn Observe>,
        players: SharedPlayers,
    ) -> Result<Self, Failure> {
        let started = Zoned::now();
        let mode = settings.mode.name();
        let folder =
            RunFolder::create(settings.out.as_deref(), mode, &started).or_exit(ExitCode::Preflight)?;
        let log = Log::create(&folder.log("rl_training_executor.log")).or_exit(ExitCode::Preflight)?;
        log_load_to(&folder.log("enhanced_rl_training_load_test.log")).or_exit(ExitCode::Preflight)?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().or_exit(ExitCode::Internal)?;
        let report = RunReport {
            schema_version: RunReport::SCHEMA_VERSION,
            run_id: folder.run_id().to_owned(),
            mode: mode.to_owned(),
            traffic: settings.traffic.name().to_owned(),
            started_at: started.timestamp().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            seconds: 0.0,
            command,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: harness::COMMIT.to_owned(),
            libtorch: libtorch_version(),
            host: Host::read(),
            interrupted: false,
            steps: Vec::new(),
            scenarios: Vec::new(),
            traces: Vec::new(),
            twins: Vec::new(),
            trainings: Vec::new(),
            exported: None,
            evaluations: Vec::new(),
            targets: settings.goals.clone(),
            goals: Vec::new(),
        };
        let mut run = Self {
            settings,
            players,
            folder,
            interrupt,
            runtime,
            report,
            exported: None,
            results: Vec::new(),
            observer,
            log,
            started,
            begun: Instant::now(),
            failure: None,
        };
        run.say(&format!("mode {mode}, results in {}", run.folder.root().display()));
        Ok(run)
    }

    /// Sends a line to the observer and the log.
    pub(super) fn say(&mut self, line: &str) {
        self.observer.line(line);
        self.log.info(line);
    }

    /// Runs a step, unless the run was interrupted. If the step fails, records the error and returns `None`.
    pub(super) fn step<T>(
        &mut self,
        name: &str,
        work: impl FnOnce(&mut Self) -> Result<(T, String), Failure>,
    ) -> Option<T> {
        if self.interrupt.is_set() {
            return None;
        }
        self.log.info(&format!("{name} begins"));
        let begun = Instant::now();
        let done = work(self);
        let seconds = begun.elapsed().as_secs_f64();
        let (value, success, detail) = match done {
            Ok((value, detail)) => (Some(value), true, detail),
            Err(failure) => {
                let detail = format!("{failure}");
                // An interrupted step does not count as failed.
                if !self.interrupt.is_set() {
                    self.failure.get_or_insert(failure.code);
                }
                (None, false, detail)
            }
        };
        match success {
            true => self.say(&format!("{name}: {detail} ({seconds:.1} s)")),
            false => {
                self.observer.step_failed(name, &detail);
                self.log.error(&format!("{name}: {detail}"));
            }
        }
        self.report.steps.push(StepReport { name: name.to_owned(), success, seconds, detail });
        value
    }

    /// Writes `file` as the policy of the run, in place of an earlier one. `name` says what it is; `policies` are those
    /// that will be proved, of which one has its weights.
    pub(super) fn export(&mut self, file: &Arc<PolicyFile>, name: &str, policies: &[Trained]) {
        let written = self.step("policy", |run| {
            let path = run.folder.policy();
            write_whole(&path, &file.to_bytes()).or_exit(ExitCode::Preflight)?;
            Ok(((), format!("{name}, in {}", path.display())))
        });
        if written.is_none() {
            return;
        }
        let proved = policies.iter().find(|policy| policy.file.sha256 == file.sha256);
        self.exported = Some(Arc::clone(file));
        self.report.exported = Some(ExportReport {
            name: name.to_owned(),
            sha256: file.sha256.clone(),
            profile: file.profile.is_some(),
            proved: proved.map(|policy| policy.name.clone()).unwrap_or_default(),
        });
    }

    /// Records the outcome of a scenario or a list, for the record in `logs/`.
    pub(super) fn record(&mut self, scenario_type: &str, scenario_name: &str, begun: Instant, came: Came) {
        let duration = begun.elapsed().as_secs_f64();
        let result = match came {
            Ok((stdout, stderr)) => ScenarioResult {
                scenario_type: scenario_type.to_owned(),
                scenario_name: scenario_name.to_owned(),
                success: true,
                duration,
                stdout,
                stderr,
                error: None,
                return_code: 0,
            },
            Err((error, code)) => ScenarioResult {
                scenario_type: scenario_type.to_owned(),
                scenario_name: scenario_name.to_owned(),
                success: false,
                duration,
                stdout: String::new(),
                stderr: error.clone(),
                error: Some(error),
                return_code: code as u8,
            },
        };
        self.results.push(result);
    }

    /// Writes all files and returns the exit code of the run.
    pub(super) fn end(mut self) -> Result<ExitCode, Failure> {
        self.report.seconds = self.begun.elapsed().as_secs_f64();
        self.report.interrupted = self.interrupt.is_set();
        if let Some(targets) = &self.report.targets {
            self.report.goals = Lists::new(&self.report.evaluations).judge(targets);
        }
        let results = std::mem::take(&mut self.results);
        let execution = ExecutionResults::new(&self.started, &Zoned::now(), results);
        let summary = execution.summary(&self.report);
        let written = || -> anyhow::Result<Vec<std::path::PathBuf>> {
            let json = self.folder.stamped("rl_training_execution_results", "json");
            write_whole(&json, &serde_json::to_vec_pretty(&execution)?)?;
            let text = self.folder.stamped("rl_training_summary_report", "md");
            write_whole(&text, summary.as_bytes())?;
            Ok(vec![
                json,
                text,
                self.folder.write_json(RECORD, &self.report)?,
                self.folder.write("report.md", report::markdown(&self.report).as_bytes())?,
                self.folder.write("report.html", report::html(&self.report).as_bytes())?,
            ])
        };
        let written = written().or_exit(ExitCode::Preflight)?;
        for path in written {
            self.say(&format!("wrote {}", path.display()));
        }
        if let Some(exported) = &self.report.exported {
            let line = format!("policy: {} ({})", self.folder.policy().display(), exported.name);
            self.say(&line);
        }
        self.say(&format!("the run took {}", report::length(self.report.seconds)));
        let missed = self.report.goals.iter().filter(|goal| goal.required && !goal.met).count();
        if !self.report.goals.is_empty() {
            let all = self.report.goals.iter().filter(|goal| goal.required).count();
            self.say(&format!("goals: {} of {all} required goals were met", all - missed));
        }
        Ok(match self.failure {
            _ if self.report.interrupted => ExitCode::Interrupted,
            Some(code) => code,
            None => ExitCode::Ok,
        })
    }
}

/// Outcome of a scenario: standard output and standard error, or the error and its exit code.
pub(super) type Came = Result<(String, String), (String, ExitCode)>;
