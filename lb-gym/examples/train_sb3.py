"""Trains a policy with PPO of Stable-Baselines3 and writes it as a policy file that load balancers serve.

    pip install lb_gym-*.whl[sb3]
    python train_sb3.py --out mine.safetensors

A policy must not depend on the order or number of backends. So one small network scores each backend, and the scores,
divided by a temperature, are the logits of PPO's categorical distribution. A score is what the served policy computes:
prior plus network. The network's last layer begins at zero, so that training begins at the prior, which is a good rule.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import VecNormalize
from torch import nn

import lb_gym
from lb_gym.sb3 import LoadBalancerVecEnv

BASELINE = "least-connections"
CLIP = 10.0
#: By which scores are divided while learning: near what is served, which is the best score without any draw.
TEMPERATURE = 0.25
#: A pick delays requests for many mean service times, which are 26 decisions each in situation B.
GAMMA = 0.998


class SharedScorer(nn.Module):
    """In place of the two networks of Stable-Baselines3's policies: scores of all backends, and values for the critic."""

    def __init__(self, backends: int, mean: np.ndarray, std: np.ndarray) -> None:
        super().__init__()
        self.backends = backends
        self.latent_dim_pi, self.latent_dim_vf = backends, 64
        self.register_buffer("mean", torch.as_tensor(mean))
        self.register_buffer("std", torch.as_tensor(std))
        hidden, leak = lb_gym.HIDDEN, lb_gym.LEAK
        self.layers = nn.ModuleList(
            [nn.Linear(lb_gym.WIDTH, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, 1)]
        )
        nn.init.zeros_(self.layers[2].weight)
        nn.init.zeros_(self.layers[2].bias)
        self.activation = nn.LeakyReLU(leak)
        self.critic_rows = nn.Sequential(nn.Linear(lb_gym.WIDTH, 64), nn.Tanh())
        self.critic = nn.Sequential(nn.Linear(128, 64), nn.Tanh())

    def rows(self, flat: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Splits flattened observations into normalised rows and priors."""
        table = flat.view(-1, self.backends, lb_gym.WIDTH + 1)
        rows = ((table[..., :-1] - self.mean) / self.std).clamp(-CLIP, CLIP)
        return rows, table[..., -1]

    def forward(self, flat: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.forward_actor(flat), self.forward_critic(flat)

    def forward_actor(self, flat: torch.Tensor) -> torch.Tensor:
        rows, priors = self.rows(flat)
        hidden = self.activation(self.layers[0](rows))
        hidden = self.activation(self.layers[1](hidden))
        return (self.layers[2](hidden).squeeze(-1) + priors) / TEMPERATURE

    def forward_critic(self, flat: torch.Tensor) -> torch.Tensor:
        seen = self.critic_rows(self.rows(flat)[0])
        return self.critic(torch.cat([seen.mean(dim=1), seen.amax(dim=1)], dim=-1))


class ScorerPolicy(ActorCriticPolicy):
    """A policy whose logits are the scores."""

    def __init__(self, *args, mean: np.ndarray, std: np.ndarray, **kwargs) -> None:
        self._norm = (mean, std)
        super().__init__(*args, ortho_init=False, **kwargs)

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = SharedScorer(int(self.action_space.n), *self._norm)

    def _build(self, lr_schedule) -> None:
        super()._build(lr_schedule)
        self.action_net = nn.Identity()
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)


def feature_statistics(case: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and standard deviation of each feature under the prior's picks."""
    env = lb_gym.make_vec(case, 32, seed=seed, prior=True)
    observations, _ = env.reset()
    rows = []
    for step in range(1_000):
        observations, *_ = env.step(observations[..., -1].argmax(axis=1))
        if step % 10 == 0:
            rows.append(observations[..., :-1].reshape(-1, lb_gym.WIDTH))
    seen = np.concatenate(rows)
    return seen.mean(axis=0), np.maximum(seen.std(axis=0), 0.05)


def export(model: PPO, path: str, about: dict) -> str:
    """Writes the scorer of a trained model."""
    scorer = model.policy.mlp_extractor
    layers = [(layer.weight, layer.bias) for layer in scorer.layers]
    return lb_gym.export_policy(
        path, layers, mean=scorer.mean.numpy(), std=scorer.std.numpy(), clip=CLIP, train=about
    )


def measure(name: str, case: str, policy: str, replications: int) -> lb_gym.Figures:
    """Measures a policy or an algorithm on arrivals that training never saw, and prints the figures."""
    row = lb_gym.evaluate(case, policy, replications=replications, seed=1_000_000)
    print(f"{name:>24}: mean {row.mean_ms:6.2f} ms, p99 {row.p99_ms:6.1f} ms, errors {row.error_rate:.2%}")
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", default="situation-b", help="see lb_gym.cases()")
    parser.add_argument("--steps", type=int, default=400_000, help="number of decisions to learn from")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replications", type=int, default=3, help="of the comparison at the end")
    parser.add_argument("--out", default="mine.safetensors", help="policy file to write")
    args = parser.parse_args()

    # The networks are so small that a second thread would only wait for the first.
    torch.set_num_threads(1)
    mean, std = feature_statistics(args.case, args.seed)
    env = LoadBalancerVecEnv(args.case, 32, seed=args.seed, prior=True, decisions=2_048)
    # Rewards are some mean service times per decision; the critic learns best from values of about one.
    env = VecNormalize(env, norm_obs=False, gamma=GAMMA)
    model = PPO(
        ScorerPolicy,
        env,
        policy_kwargs={"mean": mean.astype(np.float32), "std": std.astype(np.float32)},
        n_steps=256,
        batch_size=2_048,
        n_epochs=4,
        learning_rate=lambda left: 3e-4 * left,
        gamma=GAMMA,
        gae_lambda=0.97,
        ent_coef=0.0,
        seed=args.seed,
        device="cpu",
    )
    base = measure(BASELINE, args.case, BASELINE, args.replications)
    export(model, args.out, {"library": "none: the prior alone"})
    measure("before training", args.case, args.out, args.replications)

    began = time.monotonic()
    model.learn(args.steps)
    print(f"learned from {model.num_timesteps} decisions in {time.monotonic() - began:.0f} s")
    about = {"library": "Stable-Baselines3 PPO", "case": args.case, "decisions": model.num_timesteps, "seed": args.seed}
    name = export(model, args.out, about)
    ours = measure("after training", args.case, args.out, args.replications)
    ratios = (ours.mean_ms / base.mean_ms, ours.p99_ms / base.p99_ms)
    print(f"policy: {args.out} ({name})")
    print(f"ratio to {BASELINE}: mean {ratios[0]:.3f}, p99 {ratios[1]:.3f}")
    if max(ratios) >= 1.0:
        raise SystemExit(f"this policy is no better than {BASELINE}; learn from more decisions (--steps)")


if __name__ == "__main__":
    main()
