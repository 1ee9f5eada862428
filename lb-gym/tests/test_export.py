"""Policies that are written here are served: the simulator plays them, and wrong ones are refused with the reason."""

import tempfile
import unittest
from pathlib import Path

import numpy as np

import lb_gym

WIDTH, HIDDEN = lb_gym.WIDTH, lb_gym.HIDDEN


def layers(seed=1, scale=0.3):
    """Random layers, output by input."""
    rng = np.random.default_rng(seed)
    sizes = [(HIDDEN, WIDTH), (HIDDEN, HIDDEN), (1, HIDDEN)]
    return [(rng.normal(0, scale, size), rng.normal(0, scale, size[0])) for size in sizes]


class Export(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = Path(self.folder.name) / "mine.safetensors"

    def test_a_network_of_zeros_plays_like_its_prior(self):
        zeros = [(np.zeros_like(weight), np.zeros_like(bias)) for weight, bias in layers()]
        self.assertRegex(lb_gym.export_policy(self.path, zeros), "^[0-9a-f]{12}$")
        served = lb_gym.evaluate("situation-b", self.path, replications=1, requests=10_000, seed=4)
        env = lb_gym.make("situation-b", prior=True, decisions=10_000, seed=4)
        observation, _ = env.reset()
        waited = 0.0
        for _ in range(9_999):
            observation, reward, *_ = env.step(int(observation[:, -1].argmax()))
            waited -= reward
        # The guard of the minimum share picks one of a thousand in its place, and warm-up counts here.
        self.assertLess(abs(waited * 10.0 / 9_999 / served.mean_ms - 1.0), 0.25, served)

    def test_the_network_is_what_was_given(self):
        given, mean, std = layers(), np.linspace(-1, 1, WIDTH), np.linspace(0.5, 2, WIDTH)
        lb_gym.export_policy(self.path, given, mean=mean, std=std, clip=5.0, train={"by": "hand"})
        tensors, about = read(self.path)
        np.testing.assert_allclose(tensors["scorer.0.weight"], given[0][0].astype(np.float32))
        np.testing.assert_allclose(tensors["norm.std"], std.astype(np.float32), rtol=1e-6)
        self.assertEqual((about["train"], about["feature_set"]), ({"by": "hand"}, lb_gym.FEATURE_SET))
        # The file has rows with the scores that they must get; this is how they are computed.
        rows = np.array(about["golden"]["inputs"], np.float32)
        values = np.clip((rows - mean) / std, -5.0, 5.0)
        for number, (weight, bias) in enumerate(given):
            values = values @ weight.T + bias
            values = values if number == 2 else np.maximum(values, lb_gym.LEAK * values)
        np.testing.assert_allclose(values[:, 0], about["golden"]["logits"], rtol=1e-4, atol=1e-4)

    def test_other_weights_are_another_policy(self):
        one = lb_gym.export_policy(self.path, layers(1))
        self.assertNotEqual(one, lb_gym.export_policy(self.path, layers(2)))
        self.assertEqual(one, lb_gym.export_policy(self.path, layers(1)))
        self.assertEqual([file.name for file in Path(self.folder.name).iterdir()], ["mine.safetensors"])

    def test_what_cannot_be_served_is_refused_and_nothing_is_written(self):
        good = layers()
        table = [
            (good[:2], {}, "2 layers"),
            ([(good[0][0][:, 1:], good[0][1]), *good[1:]], {}, "layer 0"),
            ([*good[:2], (good[2][0] * np.nan, good[2][1])], {}, "finite"),
            (good, {"mean": np.zeros(3)}, "mean"),
            (good, {"std": np.zeros(WIDTH)}, "not finite|cannot be served"),
            (good, {"mode": "best"}, "argmax"),
            (good, {"temperature": 0.0}, "temperature"),
            (good, {"max_candidates": 1}, "max_candidates"),
        ]
        for given, options, message in table:
            with self.subTest(message=message), self.assertRaisesRegex(ValueError, message):
                lb_gym.export_policy(self.path, given, **options)
        self.assertEqual(list(Path(self.folder.name).iterdir()), [])
        with self.assertRaisesRegex(ValueError, "another path"):
            lb_gym.export_policy(Path(self.folder.name) / "no/folder.safetensors", good)

    def test_a_file_that_is_no_policy_is_refused(self):
        self.path.write_bytes(b"no policy")
        with self.assertRaisesRegex(ValueError, "safetensors"):
            lb_gym.evaluate("situation-b", self.path)


def read(path):
    """Reads tensors and metadata of a policy file: safetensors is a length, a JSON header and bytes."""
    import json

    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    about = json.loads(header.pop("__metadata__")["lbpolicy"])
    tensors = {}
    for name, tensor in header.items():
        begin, end = tensor["data_offsets"]
        values = np.frombuffer(data[8 + length + begin : 8 + length + end], np.float32)
        tensors[name] = values.reshape(tensor["shape"])
    return tensors, about


if __name__ == "__main__":
    unittest.main()
