"""The arrays and spaces that one environment and many have in common."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces

from lb_gym import _native

#: No feature is larger: they are clamped to 6.
LIMIT = 10.0

#: No prior is larger; that of a backend that may not be picked is minus this.
PRIOR_LIMIT = -_native.NOT_ELIGIBLE

#: The largest seed.
MOST_SEED = 2**64 - 1


class Arrays:
    """The arrays that the native half writes into, for ``n`` environments of ``b`` backends with rows of ``w`` values."""

    def __init__(self, finals: bool) -> None:
        self._finals = finals

    def allocate(self, n: int, b: int, w: int) -> tuple[np.ndarray, ...]:
        """Makes the arrays, in the order in which the native half asks for them."""
        self.observations = np.zeros((n, b, w), np.float32)
        self.finals = np.zeros((n if self._finals else 0, b, w), np.float32)
        flags = [np.zeros((n, b), np.uint8)] + [np.zeros(n, np.uint8) for _ in range(3)]
        self.masks, self.terminated, self.truncated, self.redirected = (flag.view(np.bool_) for flag in flags)
        self.rewards = np.zeros(n, np.float64)
        self.balancers = np.zeros(n, np.int64)
        self.seconds = np.zeros(n, np.float64)
        return (
            self.observations,
            self.finals,
            flags[0],
            self.rewards,
            *flags[1:],
            self.balancers,
            self.seconds,
        )


def observation_space(backends: int, width: int) -> spaces.Box:
    """One row per backend: the features, and the prior if it is asked for."""
    high = np.full((backends, width), LIMIT, np.float32)
    high[:, _native.WIDTH :] = PRIOR_LIMIT
    return spaces.Box(-high, high, dtype=np.float32)


def seed_of(value: int, name: str = "seed") -> int:
    """Checks a seed."""
    if not 0 <= int(value) <= MOST_SEED:
        raise ValueError(f"{name}={value} must lie between 0 and 2^64 - 1")
    return int(value)
