"""Many environments, stepped natively."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from lb_gym import _native
from lb_gym.env import DECISIONS
from lb_gym.spaces import Arrays, observation_space, seed_of


class LoadBalancerVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """Many environments like :class:`lb_gym.LoadBalancerEnv`, stepped together by native code on several threads.

    Infos hold arrays of all environments: ``action_mask``, ``balancer``, ``time_s`` and ``redirected``; with rewards per
    request, ``ended`` has a list for each; with ``AutoresetMode.SAME_STEP``, ``final_obs`` has the last observations of
    the episodes that ended. As Gymnasium does, ``_NAME`` says for which environments ``NAME`` was given.
    """

    def __init__(
        self,
        case: str = "situation-b",
        num_envs: int = 1,
        *,
        seed: int | None = None,
        reward: str = "time",
        decisions: int = DECISIONS,
        max_backends: int | None = None,
        prior: bool = False,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        threads: int | None = None,
        copy: bool = True,
        render_mode: str | None = None,
    ) -> None:
        """Makes ``num_envs`` environments; see :class:`lb_gym.LoadBalancerEnv` for what is not named here.

        Args:
            case: the case of all environments.
            num_envs: number of environments.
            seed: of the first environment; the next ones have the next numbers.
            reward: ``time`` or ``per_request``.
            decisions: number of decisions of an episode.
            max_backends: number of rows of an observation.
            prior: whether rows end with the prior.
            autoreset_mode: what happens after the end of an episode; it is in ``metadata["autoreset_mode"]``.
            threads: number of threads; by default that of cores, if there is work for them.
            copy: whether each step returns observations and masks of its own. Without, they are views that the next step
                overwrites.
            render_mode: must be ``None``.
        """
        if render_mode is not None:
            raise ValueError(f"render_mode={render_mode!r} is unknown; nothing is drawn, leave it out")
        self.render_mode = None
        self.num_envs = num_envs
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {"render_modes": [], "autoreset_mode": self.autoreset_mode}
        self._arrays = Arrays(finals=self.autoreset_mode is AutoresetMode.SAME_STEP)
        self._fleet = _native.Fleet(
            case,
            count=num_envs,
            threads=min(len(os.sched_getaffinity(0)), 1 + num_envs // 32) if threads is None else threads,
            backends=max_backends,
            decisions=decisions,
            reward=reward,
            prior=prior,
            autoreset=self.autoreset_mode.value,
            allocate=self._arrays.allocate,
        )
        self._copy = copy
        self._seed = None if seed is None else seed_of(seed)
        self._has_seed = False
        self._per_request = reward == "per_request"
        self.single_observation_space = observation_space(self._fleet.backends, self._fleet.width)
        self.single_action_space = spaces.Discrete(self._fleet.backends)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begins new episodes: of all environments, or of those that ``options["reset_mask"]`` names.

        With a seed (one for each environment, or that of the first), the first episodes under these seeds; else the next.
        """
        mask = (options or {}).get("reset_mask")
        if seed is None and not self._has_seed:
            seed = self._seed
        if isinstance(seed, int | np.integer):
            super().reset(seed=int(seed))
            seeds: list[int | None] = [(int(seed) + place) % 2**64 for place in range(self.num_envs)]
        elif seed is not None:
            seeds = [None if one is None else seed_of(one) for one in seed]
        else:
            seeds = [None] * self.num_envs
        if not self._has_seed:
            drawn = self.np_random.integers(2**63, size=len(seeds))
            seeds = [int(new) if one is None else one for one, new in zip(seeds, drawn, strict=True)]
        self._fleet.reset(seeds, None if mask is None else np.asarray(mask, np.bool_).tolist())
        self._has_seed = True
        return self._observations(), self._infos()

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Sends the waiting request of each environment to its backend and runs to the next decisions."""
        self._fleet.step(np.ascontiguousarray(actions, np.int64))
        arrays = self._arrays
        return (
            self._observations(),
            arrays.rewards.copy(),
            arrays.terminated.copy(),
            arrays.truncated.copy(),
            self._infos(),
        )

    def action_masks(self) -> np.ndarray:
        """Returns which backends may be picked now, for each environment."""
        return self._arrays.masks.copy()

    def _observations(self) -> np.ndarray:
        return self._arrays.observations.copy() if self._copy else self._arrays.observations

    def _infos(self) -> dict[str, Any]:
        arrays, everyone = self._arrays, np.ones(self.num_envs, np.bool_)
        infos: dict[str, Any] = {
            "action_mask": arrays.masks.copy() if self._copy else arrays.masks,
            "_action_mask": everyone,
            "balancer": arrays.balancers.copy(),
            "_balancer": everyone,
            "time_s": arrays.seconds.copy(),
            "_time_s": everyone,
            "redirected": arrays.redirected.copy(),
            "_redirected": everyone,
        }
        if self._per_request:
            ended = np.empty(self.num_envs, object)
            ended[:] = [self._fleet.ended(place) for place in range(self.num_envs)]
            infos["ended"], infos["_ended"] = ended, everyone
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            has_ended = arrays.terminated | arrays.truncated
            if has_ended.any():
                finals = np.empty(self.num_envs, object)
                for place in has_ended.nonzero()[0]:
                    finals[place] = arrays.finals[place].copy()
                infos["final_obs"], infos["_final_obs"] = finals, has_ended
        return infos


def make_vec(
    case: str = "situation-b", num_envs: int = 1, *, seed: int | None = None, **options: Any
) -> LoadBalancerVectorEnv:
    """Makes environments; the options are those of :class:`LoadBalancerVectorEnv`."""
    return LoadBalancerVectorEnv(case, num_envs, seed=seed, **options)
