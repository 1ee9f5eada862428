"""One environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from lb_gym import _native
from lb_gym.spaces import Arrays, observation_space, seed_of

#: Decisions of an episode.
DECISIONS = 4096


class LoadBalancerEnv(gymnasium.Env[np.ndarray, np.int64]):
    """A load balancer that asks for each request which backend serves it.

    **Observation**: ``Box(backends, WIDTH)``, one row of features per backend (names in ``lb_gym.FEATURES``), as the load
    balancer that decides observes them. With ``prior=True``, each row has one more value: the prior, a rule's score, to
    which a served policy adds that of its network; it is ``NOT_ELIGIBLE`` for backends that may not be picked, so that
    ``softmax(prior + network)`` never picks them.

    **Action**: ``Discrete(backends)``, the number of the backend. ``info["action_mask"]`` and :meth:`action_masks` say
    which may be picked. If another one is picked, the eligible backend with the fewest requests in flight gets the
    request, and ``info["redirected"]`` is true.

    **Reward**, in mean service times of the pool: with ``reward="time"``, minus the integral of the number of requests in
    flight over the time to the next decision, and minus what failures lack to a cost of 40. With ``"per_request"``, minus
    the costs of the requests that ended up to the next decision (a success costs its latency, at most 60; a failure 40 to
    60); ``info["ended"]`` lists them as ``(decision, backend, reward)``, for those who credit decisions exactly.

    **Episode**: ``decisions`` decisions, then it is truncated. Each one has other arrivals, sizes and failures. They are
    determined by the seed and the number of the episode under it.
    """

    metadata: dict[str, Any] = {"render_modes": []}

    def __init__(
        self,
        case: str = "situation-b",
        *,
        seed: int | None = None,
        reward: str = "time",
        decisions: int = DECISIONS,
        max_backends: int | None = None,
        prior: bool = False,
        render_mode: str | None = None,
    ) -> None:
        """Makes an environment.

        Args:
            case: a name of ``lb_gym.cases()``, a number such as ``training-17``, or ``random``: another training case in
                each episode.
            seed: of the first reset that names none; without it, that reset draws one.
            reward: ``time`` or ``per_request``, see above.
            decisions: number of decisions of an episode.
            max_backends: number of rows, at least that of the case (8 for ``random``); rows without a backend are zero.
            prior: whether rows end with the prior.
            render_mode: must be ``None``; there is nothing to see.
        """
        if render_mode is not None:
            raise ValueError(f"render_mode={render_mode!r} is unknown; nothing is drawn, leave it out")
        self.render_mode = None
        self._arrays = Arrays(finals=False)
        self._fleet = _native.Fleet(
            case,
            count=1,
            threads=1,
            backends=max_backends,
            decisions=decisions,
            reward=reward,
            prior=prior,
            autoreset="Disabled",
            allocate=self._arrays.allocate,
        )
        self._seed = None if seed is None else seed_of(seed)
        self._has_seed = False
        self._per_request = reward == "per_request"
        self._action = np.zeros(1, np.int64)
        self.observation_space = observation_space(self._fleet.backends, self._fleet.width)
        self.action_space = spaces.Discrete(self._fleet.backends)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begins the first episode under ``seed``, or the next one."""
        if seed is None and not self._has_seed:
            seed = self._seed
        super().reset(seed=seed)
        if seed is None and not self._has_seed:
            seed = int(self.np_random.integers(2**63))
        self._fleet.reset([seed])
        self._has_seed = True
        return self._arrays.observations[0].copy(), self._info()

    def step(self, action: int | np.integer) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Sends the waiting request to backend ``action`` and runs to the next decision."""
        self._action[0] = action
        self._fleet.step(self._action)
        arrays = self._arrays
        return (
            arrays.observations[0].copy(),
            float(arrays.rewards[0]),
            bool(arrays.terminated[0]),
            bool(arrays.truncated[0]),
            self._info(),
        )

    def action_masks(self) -> np.ndarray:
        """Returns which backends may be picked now."""
        return self._arrays.masks[0].copy()

    def _info(self) -> dict[str, Any]:
        arrays = self._arrays
        info = {
            "action_mask": arrays.masks[0].copy(),
            "balancer": int(arrays.balancers[0]),
            "time_s": float(arrays.seconds[0]),
            "redirected": bool(arrays.redirected[0]),
        }
        if self._per_request:
            info["ended"] = self._fleet.ended(0)
        return info


def make(case: str = "situation-b", *, seed: int | None = None, **options: Any) -> LoadBalancerEnv:
    """Makes an environment; the options are those of :class:`LoadBalancerEnv`."""
    return LoadBalancerEnv(case, seed=seed, **options)
