"""What to do about an error, by its class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from langchain_scaffolding.outcomes import ErrorClass

if TYPE_CHECKING:
    from collections.abc import Mapping

_REMEDIES: Final[Mapping[str, str]] = {
    ErrorClass.AUTH: "check the API key of this model",
    ErrorClass.PERMISSION: "ask the provider for access to this model, or take it out",
    ErrorClass.NOT_FOUND: "correct the model's name, or fetch the model on its server",
    ErrorClass.INVALID_REQUEST: "remove the parameters that this model does not take",
    ErrorClass.RATE_LIMIT: "send fewer calls, ask for a higher limit, or register another model",
    ErrorClass.OVERLOADED: "wait, or register another model",
    ErrorClass.TIMEOUT: "raise the time limit, or take a faster model",
    ErrorClass.CONNECTION: "start the model's server, and check its address",
    ErrorClass.CONTEXT_OVERFLOW: "tag the model with its context_length, so that long inputs go elsewhere",
    ErrorClass.REFUSAL: "take another model for this task",
    ErrorClass.EMPTY: "take another model for this task, or raise max_tokens if it thinks first",
    ErrorClass.TRUNCATED: "raise max_tokens, or take a model that is briefer",
    ErrorClass.INVALID_OUTPUT: "take another model for this task",
}


def remedy_of(error: str | None) -> str:
    """What to do about errors of a class."""
    return _REMEDIES.get(error or "", "read the model's error in the log, and take the model out until it is cured")
