"""Measures how many decisions per second the environments make, with least-connections picks in NumPy.

    python speed.py --num-envs 128 --threads 2
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np

import lb_gym


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", default="situation-b", help="see lb_gym.cases()")
    parser.add_argument("--num-envs", type=int, default=128)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=float, default=2.0, help="length of each of five measurements")
    parser.add_argument("--views", action="store_true", help="do not copy observations")
    args = parser.parse_args()

    env = lb_gym.make_vec(args.case, args.num_envs, threads=args.threads, seed=1, copy=not args.views)
    observations, _ = env.reset()
    in_flight = lb_gym.FEATURES.index("log_in_flight")
    rates = []
    for _ in range(6):
        steps, began = 0, time.perf_counter()
        while (took := time.perf_counter() - began) < args.seconds:
            for _ in range(16):
                observations, *_ = env.step(observations[..., in_flight].argmin(axis=1))
            steps += 16 * args.num_envs
        rates.append(steps / took)
    # The first one begins with empty queues and cold caches.
    rates = sorted(rates[1:])
    print(
        f"{args.case}: {args.num_envs} environments on {args.threads} threads: "
        f"{np.median(rates) / 1e6:.2f} million decisions/s (five times {args.seconds:g} s: "
        f"{rates[0] / 1e6:.2f} to {rates[-1] / 1e6:.2f})"
    )


if __name__ == "__main__":
    main()
