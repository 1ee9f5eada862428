#!/usr/bin/env python3
"""Writes reference.json: what SciPy and NumPy say, for the tests beside it.

    pip install numpy scipy && python3 reference.py

The samples are drawn here, once, with a fixed seed; the tests read them from the file. Nothing but
this script writes it.
"""

import json
from pathlib import Path

import numpy as np
import scipy
from scipy import stats

LEVEL = 0.95
BCA_LEVELS = (0.945, 0.955)
MARGIN = 0.05


def walsh_median(sample, axis=-1):
    """Hodges-Lehmann: the median of the averages of all pairs, each value with itself included."""
    sample = np.moveaxis(np.asarray(sample), axis, -1)
    first, second = np.triu_indices(sample.shape[-1])
    return np.median((sample[..., first] + sample[..., second]) / 2, axis=-1)


def samples():
    rng = np.random.default_rng(20261121)
    for size in (3, 5, 8, 12, 16):
        yield f"normal, n = {size}", rng.normal(0.03, 0.05, size)
        yield f"skewed, n = {size}", rng.lognormal(0.0, 0.8, size) - 1.2
        yield f"heavy tails, n = {size}", 0.05 * rng.standard_t(3, size) + 0.02
    yield "ties", np.array([0.1, 0.1, -0.1, 0.2, 0.2, 0.3, -0.2, 0.1])
    yield "zeros", np.array([0.0, 0.0, 0.4, -0.1, 0.2, 0.0])


def one_sample(name, sample):
    permutation = stats.permutation_test(
        (sample, np.zeros_like(sample)),
        lambda x, y, axis: np.abs(np.mean(x - y, axis=axis)),
        permutation_type="samples",
        alternative="greater",
        vectorized=True,
        n_resamples=np.inf,
    )
    lower = stats.ttest_1samp(sample, -MARGIN, alternative="greater").pvalue
    upper = stats.ttest_1samp(sample, MARGIN, alternative="less").pvalue
    case = {
        "name": name,
        "sample": sample.tolist(),
        "hodges_lehmann": float(walsh_median(sample)),
        "permutation_p": float(permutation.pvalue),
        "paired_t_p": float(stats.ttest_rel(sample, np.zeros_like(sample)).pvalue),
        "equivalence_p": float(max(lower, upper)),
    }
    if len(sample) >= 8:
        # The estimates of resamples are few and far between, so that a small error of the percentile
        # can be a large one of the value. The bounds say how far apart values lie that are this close
        # in probability.
        case["bca_inner"], case["bca_outer"] = (bca(sample, level) for level in BCA_LEVELS)
    return case


def bca(sample, level):
    interval = stats.bootstrap(
        (sample,),
        walsh_median,
        confidence_level=level,
        method="BCa",
        n_resamples=200_000,
        batch=10_000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    return [float(interval.low), float(interval.high)]


def holm(p_values):
    p_values = np.asarray(p_values)
    order = np.argsort(p_values)
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    result = np.empty_like(adjusted)
    result[order] = adjusted
    return result


def power(freedom, noncentrality, alpha):
    critical = stats.t.ppf(1 - alpha / 2, freedom)
    return float(
        stats.nct.sf(critical, freedom, noncentrality) + stats.nct.cdf(-critical, freedom, noncentrality)
    )


def main():
    rng = np.random.default_rng(7)
    families = [[0.01, 0.04, 0.03], [0.5, 0.2, 0.9, 0.001], rng.uniform(0, 0.2, 20).round(3).tolist()]
    arrivals = rng.exponential(2.0, 200)
    reference = {
        "scipy": scipy.__version__,
        "numpy": np.__version__,
        "level": LEVEL,
        "margin": MARGIN,
        "samples": [one_sample(name, sample) for name, sample in samples()],
        "holm": [{"p": family, "adjusted": holm(family).tolist()} for family in families],
        "power": [
            {"freedom": f, "noncentrality": d, "alpha": a, "power": power(f, d, a)}
            for f in (1, 2, 4, 9, 11, 29, 99)
            for d in (0.0, 0.5, 1.5, 3.0, 5.0)
            for a in (0.05, 0.05 / 21)
        ],
        "exponential": {
            "mean": 2.0,
            "sample": arrivals.tolist(),
            "statistic": float(stats.kstest(arrivals, "expon", args=(0, 2.0)).statistic),
            "asymptotic_p": float(stats.kstest(arrivals, "expon", args=(0, 2.0), method="asymp").pvalue),
        },
    }
    text = json.dumps(reference, indent=1)
    Path(__file__).with_name("reference.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
