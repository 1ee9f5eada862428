//! How well changes are found, over simulated nights: `cargo run --release -p lb-changes --example nights`.
//!
//! With a folder as its argument, it also writes every series as CSV, which `crates/lb-changes/otava/compare.py` gives to
//! Apache Otava.

mod model;

use lb_changes::{Change, Observation, Settings, change_points};
use model::{MODELS, Model};
use std::fmt::Write as _;
use std::path::PathBuf;

const NIGHTS: usize = 60;
/// The change that is planted: from night 40 on, 5 % more.
const STEP: model::Step = (40, 0.05);
/// A change found this many nights beside the planted one counts as found.
const NEAR: usize = 3;
const SEEDS: u64 = 200;

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    println!("{NIGHTS} nights, {SEEDS} seeds; planted: {:.0} % from night {} on\n", STEP.1 * 100.0, STEP.0);
    println!(
        "{:22} {:>10} {:>8} {:>12} {:>12} {:>15} {:>14}",
        "model", "found", "false", "clean: false", "error of size", "nights to tell", "told too early"
    );
    for model in &MODELS {
        println!("{}", row(model));
        if let Some(folder) = &folder {
            write(model, folder)?;
        }
    }
    Ok(())
}

fn changes(series: &[Observation]) -> Vec<Change> {
    change_points(series, &Settings::ratio()).expect("simulated values are above zero")
}

fn row(model: &Model) -> String {
    let near = |change: &Change| change.at.abs_diff(STEP.0) <= NEAR;
    let (mut found, mut beside, mut clean, mut early) = (0, 0, 0, 0);
    let (mut errors, mut waits) = (Vec::new(), Vec::new());
    for seed in 0..SEEDS {
        let series = model.series(NIGHTS, Some(STEP), seed);
        let all = changes(&series);
        let hit = all.iter().find(|change| near(change));
        found += usize::from(hit.is_some());
        beside += all.len() - usize::from(hit.is_some());
        errors.extend(hit.map(|change| (change.effect - STEP.1).abs()));
        // What a nightly job would have told, night after night.
        let first = (6..=NIGHTS).find(|nights| !changes(&series[..*nights]).is_empty());
        match first {
            Some(nights) if nights <= STEP.0 => early += 1,
            Some(nights) => waits.push(nights - STEP.0),
            None => waits.push(NIGHTS),
        }
        clean += changes(&model.series(NIGHTS, None, seed)).len();
    }
    waits.sort_unstable();
    let of = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
    format!(
        "{:22} {:>6}/{SEEDS} {beside:>8} {clean:>12} {:>11.2} % {:>6} (90 %: {:>2}) {early:>14}",
        model.name,
        found,
        100.0 * errors.iter().sum::<f64>() / errors.len().max(1) as f64,
        of(0.5),
        of(0.9),
    )
}

/// Writes the series of a model as `<model>-<planted or clean>-<seed>.csv`.
fn write(model: &Model, folder: &std::path::Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let name: String = model.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    for (kind, step) in [("planted", Some(STEP)), ("clean", None)] {
        for seed in 0..SEEDS {
            let series = model.series(NIGHTS, step, seed);
            let found: Vec<usize> = changes(&series).iter().map(|change| change.at).collect();
            let mut text = format!("# changes {found:?}\nnight,value\n");
            for (night, one) in series.iter().enumerate() {
                let _ = writeln!(text, "{night},{}", one.value);
            }
            std::fs::write(folder.join(format!("{name}-{kind}-{seed}.csv")), text)?;
        }
    }
    Ok(())
}
