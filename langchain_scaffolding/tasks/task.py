"""`Task`: what one kind of small call consists of, from its prompt to the rule that stands in for a model."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from langchain_scaffolding import rules
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.tasks.checks import ANY_ANSWER, PREFIX_OF_ANY_ANSWER
from langchain_scaffolding.tasks.cleaning import Cleaner, prose_cleaner
from langchain_scaffolding.tasks.options import COMMON, Option

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from langchain_scaffolding.rules import Rule, RuleAnswer

Options: TypeAlias = Mapping[str, Any]
"""The values of a task's options, all of them, checked."""

Prompt: TypeAlias = Callable[[str, Options], "list[BaseMessage]"]
"""Makes the messages for a model from the text and the options."""

Parser: TypeAlias = Callable[[str], Sequence[str]]
"""Takes an answer apart into its points."""

CleanerFactory: TypeAlias = Callable[[Options], Cleaner]
"""Makes a fresh cleaner for one answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A cleaned answer with what it must be judged by.

    Attributes:
        text: The answer.
        points: Its points; empty for a task without a parser.
        source: The text that was worked on.
        options: The values of the task's options.
    """

    text: str
    points: tuple[str, ...]
    source: str
    options: Options


Check: TypeAlias = Callable[[Answer], str | None]
"""Says what is wrong with an answer, without quoting it, or `None` if it will do."""

_NAME = re.compile(r"[^\W\d][\w.-]{0,63}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One kind of small call.

    A task without a prompt is a label: it steers choice, learning and the rule, and the caller's own messages are sent.

    Attributes:
        name: What the task is called; letters, digits, `_`, `-` and `.`.
        prompt: Makes the messages from the text and the options; `None` for a label.
        parser: Takes an answer apart into points; `None` if it is one piece.
        checks: What a whole answer must pass.
        prefix_checks: What the beginning of an answer must pass before it is handed out; held against a stream only.
        rule: Answers where no model does. It is given those of the task's options that it has a parameter for.
        cleaner: Makes what strips thinking and preambles from an answer while it streams.
        options: The options by name, beside those that every task with a prompt has (`max_tokens`, `temperature`,
            `audience`, `background`).
        max_tokens: Limit of the answer in tokens, or a function of the options; `None` leaves it to the model.
        temperature: Sampling temperature; `None` leaves it to the model.
        required_capabilities: A model that lacks one of these does not get the call.
        preferred_capabilities: A model that has these does the task better.

    Raises:
        ConfigurationError: The name is no name, or a part is not of its kind.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> haiku = Task(name="haiku", prompt=lambda text, options: [HumanMessage(f"A haiku on this: {text}")])
        >>> haiku.values({"temperature": 0.9})["temperature"]
        0.9
    """

    name: str
    prompt: Prompt | None = None
    parser: Parser | None = None
    checks: tuple[Check, ...] = ANY_ANSWER
    prefix_checks: tuple[Check, ...] = PREFIX_OF_ANY_ANSWER
    rule: Rule = rules.generic
    cleaner: CleanerFactory = lambda _options: prose_cleaner()
    options: Mapping[str, Option] = field(default_factory=dict)
    max_tokens: int | Callable[[Options], int] | None = None
    temperature: float | None = 0.2
    required_capabilities: frozenset[str] = frozenset()
    preferred_capabilities: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse what could only fail later."""
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            msg = (
                f"A task cannot be named {self.name!r}. Start with a letter and use letters, digits, `_`, `-` and `.`, "
                "64 at most."
            )
            raise ConfigurationError(msg)
        for part in ("prompt", "parser", "rule", "cleaner"):
            value = getattr(self, part)
            if not callable(value) and not (value is None and part in {"prompt", "parser"}):
                msg = f"The {part} of task {self.name!r} is {value!r}; give a function."
                raise ConfigurationError(msg)
        taken = set(self.options) & set(COMMON)
        if taken:
            msg = f"Task {self.name!r} declares {', '.join(sorted(taken))}, which every task has; choose another name."
            raise ConfigurationError(msg)
        for part in ("checks", "prefix_checks"):
            object.__setattr__(self, part, tuple(getattr(self, part)))
        for part in ("required_capabilities", "preferred_capabilities"):
            object.__setattr__(self, part, _capabilities(self.name, part, getattr(self, part)))

    def __reduce_ex__(self, protocol: Any) -> Any:
        """A built-in task is pickled by its name, since its functions cannot be; copies of it are the task itself."""
        from langchain_scaffolding.tasks.registry import BUILT_IN, task_of

        if any(self is each for each in BUILT_IN):
            return task_of, (self.name,)
        return object.__reduce_ex__(self, protocol)

    @property
    def is_label(self) -> bool:
        """Whether the task has no prompt of its own."""
        return self.prompt is None

    @property
    def all_options(self) -> dict[str, Option]:
        """Every option that a call may give, by name."""
        return {**self.options, **COMMON}

    def values(self, given: Options) -> dict[str, Any]:
        """The value of every option: the one given, else the default.

        Raises:
            ConfigurationError: An option is unknown, or its value is not allowed.
        """
        known = self.all_options
        unknown = sorted(set(given) - set(known))
        if unknown:
            msg = f"Task {self.name!r} has no option {unknown[0]!r}. Its options: {', '.join(sorted(known))}."
            raise ConfigurationError(msg)
        return {
            name: option.checked(name, given[name]) if name in given else option.default
            for name, option in known.items()
        }

    def parameters(self, values: Options) -> dict[str, Any]:
        """The model parameters of a call, from the options and the task's defaults; none that is unknown."""
        limit, temperature = values.get("max_tokens"), values.get("temperature")
        if limit is None:
            limit = self.max_tokens(values) if callable(self.max_tokens) else self.max_tokens
        if temperature is None:
            temperature = self.temperature
        found = {"max_tokens": limit, "temperature": temperature}
        return {name: value for name, value in found.items() if value is not None}

    def by_rule(self, text: str, values: Options) -> RuleAnswer:
        """What the rule makes of a text."""
        return self.rule(text, **{name: values[name] for name in _taken_by(self.rule, values)})


def _taken_by(rule: Rule, values: Options) -> list[str]:
    """The options that a rule has a parameter for and that are set."""
    parameters = inspect.signature(rule).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return [name for name, value in values.items() if value is not None and (takes_any or name in parameters)]


def _capabilities(task: str, part: str, value: object) -> frozenset[str]:
    if isinstance(value, str) or not isinstance(value, (list, tuple, set, frozenset)):
        msg = f'The {part} of task {task!r} are {value!r}; give a set of words, such as {{"REASONING"}}.'
        raise ConfigurationError(msg)
    return frozenset(str(item).strip().upper() for item in value)
