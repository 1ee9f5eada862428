"""Runs `policy.onnx` with ONNX Runtime and compares its scores with those in `expected.json`."""

import json
from pathlib import Path

import numpy as np
import onnxruntime

TOLERANCE = 1e-4

expected = json.loads(Path("expected.json").read_text())
session = onnxruntime.InferenceSession("policy.onnx", providers=["CPUExecutionProvider"])

shapes = {value.name: value.shape for value in session.get_inputs() + session.get_outputs()}
wanted = {"rows": ["backends", expected["width"]], "prior": ["backends"], "scores": ["backends"]}
assert shapes == wanted, f"{shapes} are not {wanted}"
about = session.get_modelmeta()
assert about.producer_name == "rl-train", about.producer_name
assert about.custom_metadata_map["policy_sha256"] == expected["sha256"], about.custom_metadata_map
assert len(about.custom_metadata_map["features"].split(",")) == expected["width"]

worst = 0.0
for pool in expected["pools"]:
    rows = np.array(pool["rows"], np.float32).reshape(-1, expected["width"])
    [scores] = session.run(["scores"], {"rows": rows, "prior": np.array(pool["prior"], np.float32)})
    assert scores.shape == (len(rows),), scores.shape
    worst = max(worst, float(np.abs(scores - np.array(pool["scores"], np.float32)).max()))
assert worst <= TOLERANCE, f"scores differ by {worst}, but may differ by {TOLERANCE}"
print(f"{len(expected['pools'])} pools agree within {worst:.1e}")
