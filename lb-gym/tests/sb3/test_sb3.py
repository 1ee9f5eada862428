"""Stable-Baselines3 accepts the environments, and PPO learns in them."""

import unittest
import warnings

import numpy as np
from gymnasium.vector import AutoresetMode
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.vec_env import VecMonitor, VecNormalize

import lb_gym
from lb_gym.sb3 import LoadBalancerVecEnv


class StableBaselines(unittest.TestCase):
    def test_its_checker_only_advises_to_flatten_observations(self):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            check_env(lb_gym.make("situation-b", seed=1), warn=True)
        messages = [str(one.message) for one in said]
        self.assertTrue(all("unconventional shape" in message for message in messages), messages)

    def test_many_environments_are_those_of_gymnasium_with_their_last_observations(self):
        ours = LoadBalancerVecEnv("situation-b", 3, seed=2, decisions=20)
        theirs = lb_gym.make_vec("situation-b", 3, seed=2, decisions=20, autoreset_mode=AutoresetMode.SAME_STEP)
        np.testing.assert_array_equal(ours.reset(), theirs.reset()[0])
        for step in range(1, 45):
            actions = np.full(3, step % 8)
            observations, rewards, dones, infos = ours.step(actions)
            expected, wanted, _, truncated, given = theirs.step(actions)
            np.testing.assert_array_equal(observations, expected)
            np.testing.assert_allclose(rewards, wanted, rtol=1e-6)
            np.testing.assert_array_equal(dones, truncated)
            for place, info in enumerate(infos):
                self.assertEqual(bool(info), step % 20 == 0)
                if info:
                    np.testing.assert_array_equal(info["terminal_observation"], given["final_obs"][place])
                    self.assertTrue(info["TimeLimit.truncated"])
                    self.assertEqual(info["episode"]["l"], 20)
        self.assertEqual(ours.env_method("action_masks")[0].shape, (8,))

    def test_a_seed_of_the_algorithm_reaches_the_environments(self):
        firsts = []
        for _ in range(2):
            env = LoadBalancerVecEnv("situation-b", 2)
            env.seed(7)
            firsts.append(env.reset())
        np.testing.assert_array_equal(*firsts)

    def test_wrappers_and_ppo_run(self):
        env = VecNormalize(VecMonitor(LoadBalancerVecEnv("situation-b", 4, seed=1, decisions=64)), norm_obs=False)
        model = PPO("MlpPolicy", env, n_steps=64, batch_size=128, n_epochs=1, seed=1, device="cpu")
        model.learn(512)
        self.assertEqual(model.num_timesteps, 512)


if __name__ == "__main__":
    unittest.main()
