"""One environment: it keeps Gymnasium's rules, seeds determine it, and its rewards are what requests cost."""

import unittest
import warnings

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import check_env

import lb_gym

#: The feature that grows with the number of requests in flight.
IN_FLIGHT = lb_gym.FEATURES.index("log_in_flight")

def play(env, steps, seed=None, pick=None):
    """Plays and returns all that came out."""
    rng = np.random.default_rng(1)
    observation, info = env.reset(seed=seed)
    rows = [(observation, 0.0, False, False, info)]
    for _ in range(steps):
        action = pick(observation, info) if pick else rng.integers(env.action_space.n)
        rows.append(env.step(action))
        observation, _, terminated, truncated, info = rows[-1]
        if terminated or truncated:
            observation, info = env.reset()
    return rows


def least_connections(observation, info):
    """Picks the eligible backend with the fewest requests in flight."""
    return int(np.where(info["action_mask"], observation[:, IN_FLIGHT], np.inf).argmin())


class Rules(unittest.TestCase):
    def test_check_env_has_nothing_to_say(self):
        for case in ["situation-a", "situation-b-sized", "situation-g", "random", "training-17"]:
            for options in [{}, {"prior": True}, {"reward": "per_request"}, {"max_backends": 40}]:
                with self.subTest(case=case, **options), warnings.catch_warnings():
                    warnings.simplefilter("error")
                    env = gymnasium.make("lb_gym/LoadBalancer-v0", case=case, **options)
                    check_env(env.unwrapped, skip_render_check=True)

    def test_every_case_keeps_to_its_spaces_and_ends(self):
        for case in [*lb_gym.cases(), "validation-0", "test-99", "telling-test-2"]:
            with self.subTest(case=case):
                env = lb_gym.make(case, decisions=300, prior=True, seed=3)
                rows = play(env, 700)
                for observation, reward, _, _, info in rows:
                    self.assertIn(observation, env.observation_space)
                    self.assertTrue(np.isfinite(reward) and reward <= 0.0)
                    self.assertTrue(info["action_mask"].any())
                ends = [place for place, row in enumerate(rows) if row[3]]
                self.assertEqual(ends, [300, 600], "after so many decisions")
                self.assertFalse(any(row[2] for row in rows), "load goes on")

    def test_what_was_returned_is_not_overwritten(self):
        env = lb_gym.make("situation-a", seed=1)
        first, info = env.reset()
        kept, mask = first.copy(), info["action_mask"].copy()
        play(env, 50)
        np.testing.assert_array_equal(first, kept)
        np.testing.assert_array_equal(info["action_mask"], mask)


class Seeds(unittest.TestCase):
    def test_the_same_seed_gives_the_same_episodes(self):
        for case in ["situation-f", "random"]:
            one, other, third = (
                play(lb_gym.make(case, decisions=100), 350, seed=seed) for seed in (5, 5, 6)
            )
            for left, right in zip(one, other, strict=True):
                np.testing.assert_array_equal(left[0], right[0])
                self.assertEqual(left[1:4], right[1:4])
            self.assertFalse(
                all(np.array_equal(left[0], right[0]) for left, right in zip(one, third, strict=True))
            )

    def test_episodes_under_a_seed_differ(self):
        env = lb_gym.make("situation-b", seed=5, decisions=100)
        rewards = [row[1] for row in play(env, 200, pick=least_connections)]
        self.assertNotEqual(rewards[1:101], rewards[101:201])

    def test_the_seed_of_the_environment_is_that_of_its_first_reset(self):
        env, other = lb_gym.make("situation-b", seed=5), lb_gym.make("situation-b")
        np.testing.assert_array_equal(env.reset()[0], other.reset(seed=5)[0])
        env.step(0), other.step(0)
        np.testing.assert_array_equal(env.reset()[0], other.reset()[0], "and the next episode is the second")

    def test_without_a_seed_episodes_are_drawn(self):
        rewards = [[row[1] for row in play(lb_gym.make("situation-b"), 20)] for _ in range(2)]
        self.assertNotEqual(*rewards)


class Rewards(unittest.TestCase):
    def test_time_and_requests_come_to_the_same_without_failures(self):
        # Over a long episode, what is in flight at its end does not count much.
        sums = {}
        for reward in ["time", "per_request"]:
            env = lb_gym.make("situation-a", reward=reward, decisions=20_000)
            sums[reward] = sum(row[1] for row in play(env, 20_000, seed=7, pick=least_connections))
        self.assertLess(abs(sums["time"] / sums["per_request"] - 1.0), 0.01, sums)

    def test_each_decision_is_settled_once(self):
        env = lb_gym.make("situation-e", reward="per_request", decisions=3_000)
        ended = []
        for row in play(env, 3_000, seed=8, pick=least_connections)[1:]:
            ended += row[4]["ended"]
            self.assertAlmostEqual(row[1], sum(reward for _, _, reward in row[4]["ended"]), places=3)
        decisions = [decision for decision, _, _ in ended]
        self.assertEqual(len(decisions), len(set(decisions)))
        self.assertGreater(len(decisions), 2_900, "all but those in flight")
        self.assertTrue(all(-60.0 <= reward <= 0.0 for _, _, reward in ended))

    def test_a_failure_is_charged_however_fast_it_came(self):
        # All requests go to one backend, which refuses them once its queue is full.
        env = lb_gym.make("situation-e", decisions=5_000)
        rewards = [row[1] for row in play(env, 5_000, seed=9, pick=lambda *_: 0)]
        self.assertLess(min(rewards), -40.0)


class Masks(unittest.TestCase):
    def test_rows_without_a_backend_are_masked_and_picks_go_elsewhere(self):
        env = lb_gym.make("situation-a", max_backends=10, prior=True, seed=1)
        observation, info = env.reset()
        np.testing.assert_array_equal(info["action_mask"], [True] * 8 + [False] * 2)
        np.testing.assert_array_equal(env.action_masks(), info["action_mask"])
        self.assertEqual(observation[8:, :-1].any(), False)
        np.testing.assert_array_equal(observation[8:, -1], [lb_gym.NOT_ELIGIBLE] * 2)
        self.assertTrue((observation[:8, -1] > lb_gym.NOT_ELIGIBLE).all())
        self.assertTrue(env.step(9)[4]["redirected"])
        self.assertFalse(env.step(7)[4]["redirected"])

    def test_the_prior_is_part_of_a_row_only_if_it_is_asked_for(self):
        plain, more = lb_gym.make("situation-b", seed=2), lb_gym.make("situation-b", seed=2, prior=True)
        self.assertEqual(plain.observation_space.shape, (8, lb_gym.WIDTH))
        self.assertEqual(more.observation_space.shape, (8, lb_gym.WIDTH + 1))
        np.testing.assert_array_equal(plain.reset()[0], more.reset()[0][:, :-1])


class Mistakes(unittest.TestCase):
    def test_mistakes_are_named_with_what_to_write_instead(self):
        table = [
            (dict(case="situation-z"), "situation-z", "situation-a", "training-17"),
            (dict(case="training-x"), "training-x"),
            (dict(reward="latency"), "latency", "per_request"),
            (dict(decisions=0), "decisions=0", "1 or more"),
            (dict(max_backends=3), "max_backends=3", "8 or more"),
            (dict(seed=-1), "seed=-1", "between 0"),
            (dict(render_mode="human"), "human"),
        ]
        for options, *parts in table:
            with self.subTest(**options):
                with self.assertRaises(ValueError) as raised:
                    lb_gym.make(**options)
                for part in parts:
                    self.assertIn(part, str(raised.exception))

    def test_an_action_out_of_range_and_a_step_before_the_reset_are_refused(self):
        env = lb_gym.make("situation-a", decisions=1)
        with self.assertRaisesRegex(RuntimeError, "call `reset` first"):
            env.step(0)
        env.reset()
        for action in [-1, 8]:
            with self.assertRaisesRegex(ValueError, f"action {action} .* between 0 and 7"):
                env.step(action)
        self.assertTrue(env.step(0)[3], "the refused ones changed nothing")
        with self.assertRaisesRegex(RuntimeError, "call `reset` first"):
            env.step(0)


class Cases(unittest.TestCase):
    def test_cases_are_described(self):
        said = lb_gym.describe_case("situation-b")
        self.assertEqual([backend["speed"] for backend in said["backends"]], [1, 1, 2, 2, 4, 4, 8, 8])
        self.assertEqual((said["balancers"], said["service_ms"], said["rate"]), (1, 10.0, 2560.0))
        self.assertEqual(lb_gym.describe_case("situation-g")["balancers"], 4)

    def test_several_load_balancers_decide_in_turn(self):
        env = lb_gym.make("situation-g", seed=1)
        balancers = {row[4]["balancer"] for row in play(env, 200)}
        self.assertEqual(balancers, {0, 1, 2, 3})

    def test_the_measure_is_that_of_the_trainer(self):
        figures = lb_gym.evaluate("situation-b", "least-connections", replications=2, requests=20_000)
        self.assertTrue(8.0 < figures.mean_ms < 20.0 and 60.0 < figures.p99_ms < 200.0, figures)
        self.assertEqual(figures.error_rate, 0.0)
        again = lb_gym.evaluate("situation-b", "least-connections", replications=2, requests=20_000)
        self.assertEqual(figures, again)
        with self.assertRaisesRegex(ValueError, "least-connection"):
            lb_gym.evaluate("situation-b", "least-conections")


if __name__ == "__main__":
    unittest.main()
