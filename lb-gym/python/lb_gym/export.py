"""Writes policies that were trained elsewhere, so that load balancers serve them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lb_gym import _native


def export_policy(
    path: str | os.PathLike[str],
    layers: Sequence[tuple[Any, Any]],
    *,
    mean: Any = None,
    std: Any = None,
    clip: float = 10.0,
    mode: str = "argmax",
    temperature: float = 1.0,
    max_candidates: int = 12,
    train: Mapping[str, Any] | None = None,
) -> str:
    """Writes a policy file and returns the first digits of its hash.

    The score of a backend is its prior plus ``network(clip((row - mean) / std))``, where the network is
    ``WIDTH -> HIDDEN -> HIDDEN -> 1`` with leaky ReLU (slope ``LEAK``) between its layers, the same for all backends. The
    file is checked as a load balancer checks it before it is written.

    Args:
        path: of the file, which should end in ``.safetensors``.
        layers: weights (output by input, as PyTorch has them) and biases of the three layers.
        mean: of each feature, by default 0.
        std: standard deviation of each feature, by default 1.
        clip: limit of normalised features.
        mode: ``argmax`` (the best score wins) or ``softmax`` (a draw with probabilities in proportion to
            ``exp(score / temperature)``).
        temperature: of the softmax.
        max_candidates: most backends that are scored; of a larger pool, so many are drawn.
        train: record of the training, anything that JSON can hold.
    """
    sizes = [(_native.HIDDEN, _native.WIDTH), (_native.HIDDEN, _native.HIDDEN), (1, _native.HIDDEN)]
    if len(layers) != len(sizes):
        raise ValueError(f"layers has {len(layers)} layers, but a policy has {len(sizes)}")
    weights, biases = [], []
    for number, ((weight, bias), size) in enumerate(zip(layers, sizes, strict=True)):
        weights.append(_numbers(f"the weights of layer {number}", weight, size))
        biases.append(_numbers(f"the biases of layer {number}", bias, size[:1]))
    width = (_native.WIDTH,)
    return _native.export_policy(
        os.fspath(path),
        weights=weights,
        biases=biases,
        mean=_numbers("mean", np.zeros(width) if mean is None else mean, width),
        std=_numbers("std", np.ones(width) if std is None else std, width),
        clip=clip,
        mode=mode,
        temperature=temperature,
        max_candidates=max_candidates,
        train=json.dumps(train),
    )


def _numbers(name: str, value: Any, shape: tuple[int, ...]) -> list[float]:
    # Tensors of PyTorch that need a gradient refuse to become arrays.
    detach = getattr(value, "detach", None)
    array = np.asarray(detach().cpu() if detach else value, np.float32)
    if array.shape != shape:
        raise ValueError(f"{name}: shape {array.shape} must be {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: all numbers must be finite")
    return array.ravel().tolist()
