"""Policies: what turns points into the order in which candidates are tried."""

from __future__ import annotations

from collections.abc import Callable

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.policies.adaptive import AdaptivePolicy
from langchain_scaffolding.policies.base import Policy
from langchain_scaffolding.policies.greedy import GreedyPolicy
from langchain_scaffolding.policies.worth import Weights

__all__ = ["AdaptivePolicy", "GreedyPolicy", "Policy", "Weights", "policy_of"]

_BY_NAME: dict[str, Callable[[], Policy]] = {"greedy": GreedyPolicy, "adaptive": AdaptivePolicy}


def policy_of(policy: str | Policy) -> Policy:
    """The policy of a name, or the policy itself.

    Raises:
        ConfigurationError: No policy has this name, or the object is no policy.
    """
    if isinstance(policy, str):
        if policy not in _BY_NAME:
            msg = f"Unknown policy {policy!r}. Known policies: {', '.join(sorted(_BY_NAME))}; or pass a policy object."
            raise ConfigurationError(msg)
        return _BY_NAME[policy]()
    if not callable(getattr(policy, "order", None)) or not callable(getattr(policy, "update", None)):
        msg = f"A policy has `order(ranking)` and `update(outcome)`; {type(policy).__name__} does not."
        raise ConfigurationError(msg)
    return policy
