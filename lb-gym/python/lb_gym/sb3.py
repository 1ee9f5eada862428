"""Environments for Stable-Baselines3, which has an interface of its own for many environments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.vec_env import VecEnv

from lb_gym.vector import LoadBalancerVectorEnv


class LoadBalancerVecEnv(VecEnv):
    """Many environments, stepped natively; the options are those of :class:`lb_gym.LoadBalancerVectorEnv`.

    Infos are empty but at the end of an episode: ``terminal_observation``, ``TimeLimit.truncated``, and ``episode`` with
    the sum of rewards ``r`` and the number of decisions ``l``, as ``Monitor`` has them.
    """

    def __init__(self, case: str = "situation-b", num_envs: int = 8, *, seed: int | None = None, **options: Any) -> None:
        """Makes ``num_envs`` environments."""
        self._many = LoadBalancerVectorEnv(
            case, num_envs, seed=seed, autoreset_mode=AutoresetMode.SAME_STEP, **options
        )
        self._actions = np.zeros(num_envs, np.int64)
        self._sums = np.zeros(num_envs)
        self._lengths = np.zeros(num_envs, np.int64)
        super().__init__(num_envs, self._many.single_observation_space, self._many.single_action_space)

    def reset(self) -> np.ndarray:
        """Begins new episodes, under the seeds that :meth:`seed` set if it did."""
        has_seeds = any(seed is not None for seed in self._seeds)
        observations, infos = self._many.reset(seed=self._seeds if has_seeds else None)
        self._reset_seeds()
        self._reset_options()
        self._sums[:], self._lengths[:] = 0.0, 0
        self.reset_infos = [{"action_mask": mask} for mask in infos["action_mask"]]
        return observations

    def step_async(self, actions: np.ndarray) -> None:
        """Keeps the actions for :meth:`step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Steps all environments."""
        observations, rewards, terminated, truncated, given = self._many.step(self._actions)
        self._sums += rewards
        self._lengths += 1
        dones = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for place in dones.nonzero()[0]:
            infos[place] = {
                "terminal_observation": given["final_obs"][place],
                "TimeLimit.truncated": bool(truncated[place] and not terminated[place]),
                "episode": {"r": float(self._sums[place]), "l": int(self._lengths[place])},
            }
            self._sums[place], self._lengths[place] = 0.0, 0
        return observations, rewards.astype(np.float32), dones, infos

    def action_masks(self) -> np.ndarray:
        """Returns which backends may be picked now, for each environment."""
        return self._many.action_masks()

    def close(self) -> None:
        """Closes the environments."""
        self._many.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Returns an attribute, which is the same for all environments."""
        value = getattr(self._many, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Is refused: environments cannot be changed."""
        raise AttributeError(f"`{attr_name}` cannot be set; make new environments")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Returns what ``action_masks`` returns, for each environment; there is no other method."""
        if method_name != "action_masks":
            raise AttributeError(f"environments have no method `{method_name}`")
        masks = self.action_masks()
        return [masks[place] for place in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """Returns false for each environment: native ones have no wrappers."""
        return [False for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[np.ndarray | None]:
        """Returns nothing: nothing is drawn."""
        return [None] * self.num_envs
