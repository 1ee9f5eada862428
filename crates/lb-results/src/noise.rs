//! Noise floors: what A/A comparisons found, kept beside the folders of runs, so that later verdicts
//! on the same machine and experiment use them.

use crate::folder::ResultsFolder;
use crate::host::Host;
use crate::summary::aa::AaSummary;
use crate::summary::metric::Metric;
use crate::summary::run::SCHEMA_VERSION;
use anyhow::{Context, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folder of noise floors, beside the folders of runs.
const FOLDER: &str = "noise-floors";

/// The noise floors that one A/A run found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoiseFloors {
    /// Version of this schema.
    pub schema_version: u32,
    /// Name of the A/A run that measured the floors.
    pub run_id: String,
    /// The experiment that the floors hold for: see [`crate::Summary::fingerprint`].
    pub fingerprint: String,
    /// The machine that measured, in words.
    pub host: String,
    /// The measured noise by scenario.
    pub scenarios: BTreeMap<String, AaSummary>,
}

impl NoiseFloors {
    /// Returns the noise floor of each metric in a scenario; empty for an unknown scenario.
    pub fn of(&self, scenario: &str) -> BTreeMap<Metric, f64> {
        let metrics = self.scenarios.get(scenario).into_iter().flat_map(|aa| &aa.metrics);
        metrics.map(|metric| (metric.metric, metric.noise_floor)).collect()
    }

    /// Reads the floors for a fingerprint on this machine, as the runs beside `run_folder` left them.
    ///
    /// # Errors
    /// The file exists but cannot be read.
    pub fn load(run_folder: &Path, fingerprint: &str, host: &Host) -> Result<Option<Self>> {
        let path = path(run_folder, fingerprint, host);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("failed to read `{}`", path.display()));
            }
        };
        let floors: Self = serde_json::from_slice(&text).with_context(|| {
            format!("failed to read the noise floor `{}`; remove it and run `bench aa` again", path.display())
        })?;
        Ok((floors.schema_version == SCHEMA_VERSION).then_some(floors))
    }

    /// Stores the floors for later runs beside `run_folder`, and returns the path of the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn store(&self, run_folder: &Path, host: &Host) -> Result<PathBuf> {
        let path = path(run_folder, &self.fingerprint, host);
        let root = path.parent().and_then(Path::parent).unwrap_or(Path::new("."));
        let name = path.strip_prefix(root).context("a floor lies below its root")?;
        ResultsFolder::at(root).write(&name.to_string_lossy(), &serde_json::to_vec_pretty(self)?)?;
        Ok(path)
    }
}

/// Describes a machine, as far as its noise depends on it.
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
            schema_version: SCHEMA_VERSION,
            run_id: "run".to_owned(),
            fingerprint: "print".to_owned(),
            host: machine(&host("here")),
            scenarios: [("s".to_owned(), aa)].into(),
        }
    }

    #[test]
    fn a_floor_is_found_again_on_the_same_machine_and_experiment_only() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let run = dir.path().join("run");
        floors().store(&run, &host("here")).expect("it can be kept");
        let found = |print: &str, machine: &str| {
            NoiseFloors::load(&dir.path().join("later"), print, &host(machine)).expect("readable")
        };
        assert_eq!(found("print", "here"), Some(floors()), "beside the folder of any run");
        assert_eq!(found("other", "here"), None, "another experiment has other noise");
        assert_eq!(found("print", "there"), None, "another machine has other noise");
        assert_eq!(floors().of("s")[&Metric::P95], 0.03, "by scenario and metric");
        assert!(floors().of("t").is_empty(), "nothing is known of another scenario");
    }

    #[test]
    fn a_broken_floor_is_reported_with_its_path() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = floors().store(&dir.path().join("run"), &host("here")).expect("it can be kept");
        std::fs::write(&path, "{").expect("it can be broken");
        let error = NoiseFloors::load(&dir.path().join("run"), "print", &host("here"))
            .expect_err("half a file does not hold a noise floor");
        assert!(format!("{error:#}").contains("run `bench aa` again"), "{error:#}");
    }
}
