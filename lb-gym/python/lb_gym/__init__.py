"""A load balancer as an environment of Gymnasium.

A simulation of backends, load balancers and requests waits at every request for a decision: which backend serves it.
It is the simulation that trains the policies of this project, and what an environment shows is what its load balancer
observes.

>>> import lb_gym
>>> env = lb_gym.make("situation-b", seed=1)
>>> observation, info = env.reset()
>>> observation, reward, terminated, truncated, info = env.step(env.action_space.sample())

- :func:`make` and :class:`LoadBalancerEnv`: one environment.
- :func:`make_vec` and :class:`LoadBalancerVectorEnv`: many, stepped natively on several threads.
- :mod:`lb_gym.sb3`: the same for Stable-Baselines3.
- :func:`cases` and :func:`describe_case`: what can be played.
- :func:`export_policy`: writes a policy that load balancers serve.
- :func:`evaluate`: measures a policy file or an algorithm in a case.
"""

from lb_gym._native import FEATURE_SET, FEATURES, HIDDEN, LEAK, NOT_ELIGIBLE, WIDTH
from lb_gym._native import describe as describe_case
from lb_gym._native import names as cases
from lb_gym.env import LoadBalancerEnv, make
from lb_gym.evaluation import Figures, evaluate
from lb_gym.export import export_policy
from lb_gym.vector import LoadBalancerVectorEnv, make_vec

__all__ = [
    "FEATURES",
    "FEATURE_SET",
    "HIDDEN",
    "LEAK",
    "NOT_ELIGIBLE",
    "WIDTH",
    "Figures",
    "LoadBalancerEnv",
    "LoadBalancerVectorEnv",
    "cases",
    "describe_case",
    "evaluate",
    "export_policy",
    "make",
    "make_vec",
]


def _register() -> None:
    """Registers ``lb_gym/LoadBalancer-v0`` with Gymnasium."""
    from gymnasium.envs.registration import register, registry

    if "lb_gym/LoadBalancer-v0" not in registry:
        register(
            id="lb_gym/LoadBalancer-v0",
            entry_point="lb_gym.env:LoadBalancerEnv",
            vector_entry_point="lb_gym.vector:LoadBalancerVectorEnv",
        )


_register()
