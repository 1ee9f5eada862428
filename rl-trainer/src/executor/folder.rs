//! The folder of a run and the names of the files in it.

use crate::files::write_whole;
use crate::train::POLICY;
use anyhow::{Context, Result};
use jiff::Zoned;
use lb_core::slug::slug;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of a run.
#[derive(Clone, Debug)]
pub(super) struct RunFolder {
    root: PathBuf,
    run_id: String,
    /// Time stamp in the names of files in `logs/`, such as `20261121_140509`.
    stamp: String,
}

impl RunFolder {
    /// Creates the folder and checks that it is writable.
    pub(super) fn create(out: Option<&Path>, mode: &str, now: &Zoned) -> Result<Self> {
        let run_id = lb_results::run_id(&format!("rl-train-{mode}"));
        let root = out.map_or_else(|| PathBuf::from("results").join(&run_id), Path::to_owned);
        let folder = Self { root, run_id, stamp: now.strftime("%Y%m%d_%H%M%S").to_string() };
        let probe = folder.root.join("logs/.probe");
        write_whole(&probe, b"probe")
            .context("failed to write to the results folder; give another one with --out")?;
        fs::remove_file(&probe).context("failed to remove the probe file")?;
        Ok(folder)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Returns the path of a file in `logs/`, with a time stamp that distinguishes runs in the same folder.
    pub(super) fn stamped(&self, stem: &str, ending: &str) -> PathBuf {
        self.root.join("logs").join(format!("{stem}_{}.{ending}", self.stamp))
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.root.join("logs").join(name)
    }

    /// Returns the folder of one training run.
    pub(super) fn training(&self, seed: u64) -> PathBuf {
        self.root.join("trainings").join(format!("seed-{seed}"))
    }

    /// Returns the folder of one training run that specialises a policy on a pool.
    pub(super) fn specialising(&self, pool: &str, seed: u64) -> PathBuf {
        self.root.join("trainings").join(slug(pool)).join(format!("seed-{seed}"))
    }

    /// Returns the path of the policy that was specialised on a pool, if several are exported.
    pub(super) fn specialised(&self, pool: &str) -> PathBuf {
        self.root.join("specialised").join(slug(pool)).join(POLICY)
    }

    /// Returns the path as it is shown in reports: relative to the folder of the run.
    pub(super) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }

    /// Returns the folder of one played scenario.
    pub(super) fn traffic(&self, name: &str) -> PathBuf {
        self.root.join("traffic").join(slug(name))
    }

    /// Returns the path of the chosen policy.
    pub(super) fn policy(&self) -> PathBuf {
        self.root.join(POLICY)
    }

    pub(super) fn write_json(&self, name: &str, value: &impl Serialize) -> Result<PathBuf> {
        self.write(name, &serde_json::to_vec_pretty(value)?)
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.root.join(name);
        write_whole(&path, bytes)?;
        Ok(path)
    }
}
