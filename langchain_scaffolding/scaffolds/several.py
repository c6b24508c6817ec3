"""`Voice`: one of several models that do the same scaffold, and how their answers are told apart."""

# Annotations are evaluated: pydantic reads them.

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from langchain_core.runnables import RunnableConfig, RunnableSerializable
from pydantic import ConfigDict, Field, InstanceOf

from langchain_scaffolding.errors import (
    AllAttemptsFailedError,
    ConfigurationError,
    NoCandidateError,
    RoutingError,
)
from langchain_scaffolding.scaffolds.inputs import ScaffoldInput
from langchain_scaffolding.scaffolds.result import ScaffoldingResult
from langchain_scaffolding.scaffolds.scaffold import Scaffold, is_router
from langchain_scaffolding.tasks import Task

Said: TypeAlias = ScaffoldingResult | RoutingError
"""What one of the models said, or why it said nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Voice:
    """One of several models that do the same scaffold.

    Attributes:
        scaffold: The scaffold over the model.
        keywords: What its call takes beside the options: a router's model is pinned.
    """

    scaffold: Scaffold
    keywords: Mapping[str, Any]

    def invoke(self, input: ScaffoldInput, config: RunnableConfig, options: Mapping[str, Any]) -> Said:
        """The model's answer, or why it gave none."""
        try:
            return self.scaffold.invoke(input, config, **options, **self.keywords)
        except RoutingError as error:
            return error

    async def ainvoke(self, input: ScaffoldInput, config: RunnableConfig, options: Mapping[str, Any]) -> Said:
        """The model's answer, or why it gave none."""
        try:
            return await self.scaffold.ainvoke(input, config, **options, **self.keywords)
        except RoutingError as error:
            return error


def from_model(said: Said) -> ScaffoldingResult | None:
    """What was said, if a model said it; `None` for an error, and for the rules of a router."""
    return said if isinstance(said, ScaffoldingResult) and said.model_type == "llm" else None


class SeveralModels(RunnableSerializable[ScaffoldInput, ScaffoldingResult]):
    """A scaffold that several models work on.

    Attributes:
        task: The task.
        models: Chat models or routers, or one router whose best candidates for each call are taken.
        width: How many of a router's candidates are taken.
        options: Options of every call.
        fallback_to_rule_based: Whether the task's rule answers if no model does.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    task: InstanceOf[Task] = Field(repr=False)
    models: Any = Field(repr=False)
    width: int = 2
    options: dict[str, Any] = Field(default_factory=dict)
    fallback_to_rule_based: bool = True

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        if not is_router(self.models) and (not isinstance(self.models, (list, tuple)) or not self.models):
            given = "an empty list" if self.models in ([], ()) else f"a {type(self.models).__name__}"
            raise ConfigurationError(f"Give a router, or a list of chat models, not {given}.")
        if self.width < 1:
            raise ConfigurationError(f"width is {self.width!r}; give a whole number of at least 1.")

    def voices(self, input: ScaffoldInput, config: RunnableConfig, options: Mapping[str, Any]) -> list[Voice]:
        """The models that work on this call."""
        if is_router(self.models):
            over = Scaffold(task=self.task, model=self.models, options=self.options)
            work = over.work(input, config, dict(options))
            names = self.models.explain(work.messages(), task=self.task.name).names[: self.width]
            return [Voice(scaffold=over, keywords={"model": name}) for name in names]
        return [
            Voice(
                scaffold=Scaffold(task=self.task, model=model, options=self.options, fallback_to_rule_based=False),
                keywords={},
            )
            for model in self.models
        ]

    def values(self, input: ScaffoldInput, config: RunnableConfig, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """The value of every option of this call."""
        return Scaffold(task=self.task, options=self.options).work(input, config, dict(options)).acceptance.options

    def by_rule(
        self, input: ScaffoldInput, config: RunnableConfig, options: Mapping[str, Any], said: Sequence[Said]
    ) -> ScaffoldingResult:
        """What the task's rule makes of the text, since no model gave a usable answer.

        Raises:
            AllAttemptsFailedError: The rules may not answer, here or in the router's configuration.
            NoCandidateError: The same, and no model could be asked.
        """
        allowed = self.fallback_to_rule_based and (
            not is_router(self.models) or self.models.config.fallback_to_rule_based
        )
        rules = Scaffold(task=self.task, options=self.options, fallback_to_rule_based=allowed)
        try:
            return rules.invoke(input, config, **options)
        except NoCandidateError:
            raise _nobody(said) from None


def _nobody(said: Sequence[Said]) -> RoutingError:
    """One error that lists what every model failed with."""
    attempts = [each for error in said if isinstance(error, AllAttemptsFailedError) for each in error.attempts]
    if attempts:
        is_retryable = any(error.is_retryable for error in said if isinstance(error, RoutingError))
        return AllAttemptsFailedError(attempts, is_retryable=is_retryable)
    rejections = [each for error in said if isinstance(error, NoCandidateError) for each in error.rejections]
    return NoCandidateError(list(dict.fromkeys(rejections)) or [("none", "no model can do this")])
