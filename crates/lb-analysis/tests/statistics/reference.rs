//! Each method against an independent implementation.

use lb_core::rng::Seed;
use lb_stats::{
    Moments, Percentiles, SignFlips, bca, equivalence_p, hodges_lehmann, holm, noncentral_t_power, paired_t_p,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    scipy: String,
    level: f64,
    margin: f64,
    samples: Vec<Sample>,
    holm: Vec<Family>,
    power: Vec<Power>,
}

#[derive(Deserialize)]
struct Sample {
    name: String,
    sample: Vec<f64>,
    hodges_lehmann: f64,
    permutation_p: f64,
    paired_t_p: f64,
    equivalence_p: f64,
    bca_inner: Option<[f64; 2]>,
    bca_outer: Option<[f64; 2]>,
}

#[derive(Deserialize)]
struct Family {
    p: Vec<f64>,
    adjusted: Vec<f64>,
}

#[derive(Deserialize)]
struct Power {
    freedom: usize,
    noncentrality: f64,
    alpha: f64,
    power: f64,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("reference.json")).expect("reference.py wrote it")
}

#[track_caller]
fn close(ours: f64, theirs: f64, what: &str) {
    assert!((ours - theirs).abs() < 1e-9, "{what}: ours {ours}, SciPy {} says {theirs}", reference().scipy);
}

#[test]
fn estimates_and_p_values_are_scipys() {
    for Sample {
        name,
        sample,
        hodges_lehmann: estimate,
        permutation_p,
        paired_t_p: t_p,
        equivalence_p: eq,
        ..
    } in reference().samples
    {
        close(hodges_lehmann(&sample).expect("not empty"), estimate, &format!("Hodges-Lehmann of {name}"));
        let flips = SignFlips::new(&sample, Seed(1));
        close(flips.p_value(sample.iter().sum()), permutation_p, &format!("permutation test of {name}"));
        let moments = Moments::of(&sample).expect("two values or more");
        close(paired_t_p(&moments), t_p, &format!("paired t test of {name}"));
        let margin = reference().margin;
        close(equivalence_p(&moments, -margin, margin), eq, &format!("equivalence of {name}"));
    }
}

#[test]
fn bca_intervals_are_scipys_within_the_error_of_resampling() {
    let Reference { level, samples, .. } = reference();
    let mut compared = 0;
    for sample in samples {
        let (Some(inner), Some(outer)) = (sample.bca_inner, sample.bca_outer) else { continue };
        // 100 000 resamples place an end within 0.07 % (one standard error); the bounds allow 0.25 %.
        let [low, high] =
            bca(&sample.sample, level, Percentiles::Plain, 100_000, Seed(1)).expect("eight or more");
        let rounding = 1e-9;
        assert!(
            outer[0] - rounding <= low
                && low <= inner[0] + rounding
                && inner[1] - rounding <= high
                && high <= outer[1] + rounding,
            "BCa of {}: [{low}, {high}] does not lie between SciPy's {inner:?} and {outer:?}",
            sample.name
        );
        compared += 1;
    }
    assert!(compared >= 9, "the reference holds intervals of {compared} samples");
}

#[test]
fn adjusted_p_values_are_holms() {
    for Family { p, adjusted } in reference().holm {
        for (ours, theirs) in holm(&p).into_iter().zip(adjusted) {
            close(ours, theirs, &format!("Holm's correction of {p:?}"));
        }
    }
}

#[test]
fn power_is_that_of_the_noncentral_t_distribution() {
    for Power { freedom, noncentrality, alpha, power } in reference().power {
        let ours = noncentral_t_power(freedom, noncentrality, alpha);
        close(ours, power, &format!("power with {freedom} degrees of freedom at {noncentrality}, {alpha}"));
    }
}
