"""Measures policies as ``rl-train eval`` does."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from lb_gym import _native


@dataclass(frozen=True)
class Figures:
    """Latencies as clients see them, in milliseconds, without the first tenth of the time.

    Over replications: the geometric mean of latencies, the mean of ``error_rate``, and the largest ``max_share``. A failed
    request counts with the timeout.
    """

    mean_ms: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    error_rate: float
    max_share: float


def evaluate(
    case: str,
    policy: str | os.PathLike[str],
    *,
    replications: int = 3,
    requests: int | None = None,
    seed: int = 0,
) -> Figures:
    """Simulates a case under an algorithm (such as ``least-connections``) or a policy file (``….safetensors``).

    With the same seed, all policies meet the same arrivals, sizes and failures. ``requests`` is the length of each
    replication; a case has its own length.
    """
    if replications < 1:
        raise ValueError(f"replications={replications} is too few; use 1 or more")
    rows = _native.measure(case, os.fspath(policy), replications=replications, requests=requests, seed=seed)
    columns = np.asarray(rows)
    means = np.exp(np.log(np.maximum(columns[:, :4], 1e-9)).mean(axis=0))
    return Figures(*means.tolist(), float(columns[:, 4].mean()), float(columns[:, 5].max()))
