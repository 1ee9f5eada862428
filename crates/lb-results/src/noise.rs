//! Noise floors measured by A/A comparisons. They are kept beside the folders of runs, so that later verdicts
//! on the same machine and experiment use them.

use crate::folder::ResultsFolder;
use crate::host::Host;
use crate::summary::aa::AaSummary;
use crate::summary::metric::Metric;
use anyhow::{Context, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Name of the folder of noise floors, beside the folders of runs.
const FOLDER: &str = "noise-floors";

/// The version of the noise floor file. A file with another version is ignored, and the next A/A run replaces
/// it.
const VERSION: u32 = 3;

/// The noise floors measured by one A/A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoiseFloors {
    /// Version of this schema.
    pub schema_version: u32,
    /// Name of the A/A run that measured the floors.
    pub run_id: String,
    /// The experiment for which the floors are valid: see [`crate::Summary::fingerprint`].
    pub fingerprint: String,
    /// Description of the machine that ran the A/A comparison.
    pub host: String,
    /// The measured noise of each algorithm, by scenario.
    pub scenarios: BTreeMap<String, Vec<AaSummary>>,
}

impl NoiseFloors {
    /// Makes the noise floors of one A/A run on one machine.
    pub fn new(
        run_id: &str,
        fingerprint: &str,
        host: &Host,
        scenarios: BTreeMap<String, Vec<AaSummary>>,
    ) -> Self {
        Self {
            schema_version: VERSION,
            run_id: run_id.to_owned(),
            fingerprint: fingerprint.to_owned(),
            host: machine(host),
            scenarios,
        }
    }

    /// Returns the noise floors in a scenario, by algorithm and metric; empty for an unknown scenario.
    pub fn of(&self, scenario: &str) -> BTreeMap<String, BTreeMap<Metric, f64>> {
        let floors =
            |aa: &AaSummary| aa.metrics.iter().map(|noise| (noise.metric, noise.noise_floor)).collect();
        let measured = self.scenarios.get(scenario).into_iter().flatten();
        measured.map(|aa| (aa.algorithm.clone(), floors(aa))).collect()
    }

    /// Reads the floors for a fingerprint on this machine, stored by runs in the same place as `run_folder`.
    /// `None` if there are none.
    ///
    /// # Errors
    /// When the file exists but cannot be read.
    pub fn load(run_folder: &Path, fingerprint: &str, host: &Host) -> Result<Option<Self>> {
        let path = path(run_folder, fingerprint, host);
        let text = match lb_io::read(&path, ResultsFolder::LONGEST) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("failed to read `{}`", path.display()));
            }
        };
        let advice = || {
            format!("failed to read the noise floor `{}`; remove it and run `bench aa` again", path.display())
        };
        let value: serde_json::Value = serde_json::from_slice(&text).with_context(advice)?;
        if value["schema_version"] != VERSION {
            return Ok(None);
        }
        serde_json::from_value(value).map(Some).with_context(advice)
    }

    /// Stores the floors for later runs beside `run_folder`, and returns the path of the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn store(&self, run_folder: &Path, host: &Host) -> Result<PathBuf> {
        let path = path(run_folder, &self.fingerprint, host);
        let root = path.parent().and_then(Path::parent).unwrap_or(Path::new("."));
        let name = path.strip_prefix(root).context("a floor lies below its root")?;
        ResultsFolder::at(root).write(&name.to_string_lossy(), &serde_json::to_vec_pretty(self)?)?;
        Ok(path)
    }
}

/// Describes a machine by everything that affects its noise.
pub fn machine(host: &Host) -> String {
    format!("{}, {} cores, {}, {}", host.name, host.cores, host.cpu, host.os)
}

fn path(run_folder: &Path, fingerprint: &str, host: &Host) -> PathBuf {
    let root = run_folder.parent().unwrap_or(Path::new(""));
    let key = lb_core::hex::encode(&Sha256::digest(format!("{fingerprint}\n{}", machine(host)))[..8]);
    root.join(FOLDER).join(format!("{key}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::aa::AaMetric;

    fn host(name: &str) -> Host {
        Host { name: name.to_owned(), cores: 2, ..Host::default() }
    }

    fn floors() -> NoiseFloors {
        let metric = AaMetric {
            metric: Metric::P95,
            effect: 0.01,
            interval: Some([-0.01, 0.03]),
            largest_pair: 0.08,
            noise_floor: 0.03,
        };
        let aa = AaSummary {
            algorithm: "random".to_owned(),
            pairs: 10,
            metrics: vec![metric],
            naive_alarms: 3,
            alarms: 0,
            false_alarm_rate: Some(0.02),
            relabellings: 1_000,
        };
        NoiseFloors {
            schema_version: VERSION,
            run_id: "run".to_owned(),
            fingerprint: "print".to_owned(),
            host: machine(&host("here")),
            scenarios: [("s".to_owned(), vec![aa])].into(),
        }
    }

    #[test]
    fn a_floor_is_found_again_on_the_same_machine_and_experiment_only() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let run = dir.path().join("run");
        floors().store(&run, &host("here")).expect("it can be stored");
        let found = |print: &str, machine: &str| {
            NoiseFloors::load(&dir.path().join("later"), print, &host(machine)).expect("readable")
        };
        assert_eq!(found("print", "here"), Some(floors()), "any run in the same place finds it");
        assert_eq!(found("other", "here"), None, "another experiment has other noise");
        assert_eq!(found("print", "there"), None, "another machine has other noise");
        assert_eq!(floors().of("s")["random"][&Metric::P95], 0.03, "by scenario, algorithm and metric");
        assert!(floors().of("t").is_empty(), "another scenario has no noise floors");
    }

    #[test]
    fn a_broken_floor_is_reported_with_its_path() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = floors().store(&dir.path().join("run"), &host("here")).expect("it can be stored");
        std::fs::write(&path, "{").expect("it can be written");
        let load = || NoiseFloors::load(&dir.path().join("run"), "print", &host("here"));
        let error = load().expect_err("half a file does not hold a noise floor");
        assert!(format!("{error:#}").contains("run `bench aa` again"), "{error:#}");
        let older = r#"{ "schema_version": 2, "scenarios": { "s": { "algorithm": "random" } } }"#;
        std::fs::write(&path, older).expect("it can be replaced");
        assert_eq!(load().expect("another version is not an error"), None, "the next A/A run replaces it");
    }
}
