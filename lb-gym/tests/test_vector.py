"""Many environments: they are the single ones, and each mode of autoreset does what Gymnasium says."""

import unittest

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import lb_gym

#: The feature that grows with the number of requests in flight.
IN_FLIGHT = lb_gym.FEATURES.index("log_in_flight")

def picks(observations, infos):
    """The eligible backend with the fewest requests in flight, for each environment."""
    return np.where(infos["action_mask"], observations[..., IN_FLIGHT], np.inf).argmin(axis=1)


class SameAsSingle(unittest.TestCase):
    def compare(self, mode, case, threads, **options):
        """Steps a native vector and one of single environments side by side."""
        native = lb_gym.make_vec(
            case, 5, decisions=40, autoreset_mode=mode, threads=threads, max_backends=8, **options
        )
        make = lambda: lb_gym.make(case, decisions=40, max_backends=8, **options)
        single = SyncVectorEnv([make] * 5, autoreset_mode=mode)
        observations, infos = native.reset(seed=11)
        expected, _ = single.reset(seed=11)
        np.testing.assert_array_equal(observations, expected)
        for step in range(130):
            if mode is AutoresetMode.DISABLED and step in (40, 80, 120):
                mask = np.ones(5, np.bool_)
                observations, infos = native.reset(options={"reset_mask": mask})
                expected, _ = single.reset(options={"reset_mask": mask})
                np.testing.assert_array_equal(observations, expected)
            actions = picks(observations, infos)
            observations, *results, infos = native.step(actions)
            expected, *wanted, said = single.step(actions)
            np.testing.assert_array_equal(observations, expected, f"step {step}")
            for found, value in zip(results, wanted, strict=True):
                np.testing.assert_array_equal(found, value, f"step {step}")
            for key in ["action_mask", "balancer", "time_s", "redirected"]:
                np.testing.assert_array_equal(infos[key], np.stack(said[key]), f"{key} in step {step}")
            self.assertEqual("final_obs" in infos, "final_obs" in said, f"step {step}")
            if "final_obs" in said:
                for place in range(5):
                    np.testing.assert_array_equal(infos["final_obs"][place], said["final_obs"][place])

    def test_every_mode_of_autoreset_is_that_of_gymnasium(self):
        for mode in AutoresetMode:
            with self.subTest(mode=mode):
                self.compare(mode, "situation-b", threads=1)

    def test_threads_change_nothing(self):
        for threads in [1, 2, 3, 7]:
            with self.subTest(threads=threads):
                self.compare(AutoresetMode.NEXT_STEP, "situation-g", threads=threads, prior=True)

    def test_random_cases_are_the_same_too(self):
        self.compare(AutoresetMode.NEXT_STEP, "random", threads=2)


class Interface(unittest.TestCase):
    def test_the_mode_and_the_spaces_are_declared(self):
        for mode in AutoresetMode:
            env = lb_gym.make_vec("situation-a", 3, autoreset_mode=mode)
            self.assertIs(env.metadata["autoreset_mode"], mode)
        self.assertEqual(env.observation_space.shape, (3, 8, lb_gym.WIDTH))
        observations, _ = env.reset(seed=1)
        self.assertIn(observations, env.observation_space)
        self.assertIn(env.step(env.action_space.sample())[0], env.observation_space)

    def test_gymnasium_makes_it_by_name(self):
        env = gymnasium.make_vec(
            "lb_gym/LoadBalancer-v0",
            num_envs=2,
            vectorization_mode="vector_entry_point",
            case="situation-a",
        )
        env.reset(seed=1)
        self.assertEqual(env.step(np.array([0, 1]))[1].shape, (2,))

    def test_observations_are_copies_unless_views_are_asked_for(self):
        for copy in [True, False]:
            env = lb_gym.make_vec("situation-a", 4, seed=1, copy=copy)
            first, _ = env.reset()
            kept = first.copy()
            env.step(np.zeros(4, np.int64))
            self.assertEqual(np.array_equal(first, kept), copy)

    def test_requests_that_ended_are_listed_with_rewards_per_request(self):
        env = lb_gym.make_vec("situation-a", 2, seed=1, reward="per_request")
        observations, infos = env.reset()
        ended = 0
        for _ in range(200):
            observations, rewards, _, _, infos = env.step(picks(observations, infos))
            for place in range(2):
                self.assertAlmostEqual(rewards[place], sum(one[2] for one in infos["ended"][place]), places=3)
                ended += len(infos["ended"][place])
        self.assertGreater(ended, 300)

    def test_seeds_are_those_of_the_environments(self):
        one, other = (lb_gym.make_vec("situation-b", 3) for _ in range(2))
        np.testing.assert_array_equal(one.reset(seed=4)[0], other.reset(seed=[4, 5, 6])[0])
        step = np.array([0, 1, 2])
        np.testing.assert_array_equal(one.step(step)[1], other.step(step)[1])

    def test_mistakes_are_refused(self):
        env = lb_gym.make_vec("situation-a", 2)
        with self.assertRaisesRegex(RuntimeError, "call `reset` first"):
            env.step(np.zeros(2, np.int64))
        env.reset(seed=1)
        with self.assertRaisesRegex(ValueError, "action 8 of environment 1"):
            env.step(np.array([0, 8]))
        with self.assertRaisesRegex(ValueError, "3 actions are given"):
            env.step(np.zeros(3, np.int64))
        with self.assertRaisesRegex(ValueError, "3 seeds are given"):
            env.reset(seed=[1, 2, 3])
        with self.assertRaisesRegex(ValueError, "num_envs=0"):
            lb_gym.make_vec("situation-a", 0)
        with self.assertRaises(ValueError):
            lb_gym.make_vec("situation-a", 1, autoreset_mode="Sometimes")


if __name__ == "__main__":
    unittest.main()
