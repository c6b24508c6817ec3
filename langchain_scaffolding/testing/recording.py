"""What a callback handler of the user gets to see of a run."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

RunType: TypeAlias = Literal["llm", "chain", "tool", "retriever"]
Tree: TypeAlias = tuple[tuple[str, "Tree"], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One call of a handler's method.

    Attributes:
        kind: The method's name without `on_`, such as "chat_model_start" or "llm_new_token".
        run_id: The run that it belongs to.
        parent_run_id: The run above; `None` at the root.
        name: The run's name, known from its start; of a custom event its own name.
        tags: The run's tags.
        value: What it brings: the messages, the token, the response, the error ...
        extra: All other keywords, such as `metadata`, `chunk` and `invocation_params`.
    """

    kind: str
    run_id: UUID
    parent_run_id: UUID | None
    name: str
    tags: tuple[str, ...]
    value: Any
    extra: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A run as its events tell it.

    Attributes:
        type: "llm", "chain", "tool" or "retriever".
        name: The name it started with.
        run_id: Its id.
        parent_run_id: The run above; `None` at the root.
        tags: Its tags.
        metadata: Its metadata, `ls_model_name` among them.
        state: "pending" until it ended or failed.
        value: What it ended with: the response, the outputs, or the error.
    """

    type: RunType
    name: str
    run_id: UUID
    parent_run_id: UUID | None
    tags: tuple[str, ...]
    metadata: Mapping[str, Any]
    state: Literal["pending", "end", "error"] = "pending"
    value: Any = None


_STARTS: dict[str, RunType] = {
    "chat_model_start": "llm",
    "llm_start": "llm",
    "chain_start": "chain",
    "tool_start": "tool",
    "retriever_start": "retriever",
}
_ENDS: dict[str, Literal["end", "error"]] = {
    f"{run}_{end}": end for run in ("llm", "chain", "tool", "retriever") for end in ("end", "error")
}


class RecordingHandler(BaseCallbackHandler):
    """A callback handler that keeps every event in order, from sync and async runs and all threads.

    Args:
        fail_on: Kinds of events at which the handler raises `RuntimeError` after noting them.
        raise_error: Whether LangChain lets that error through instead of logging it.

    Example:
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> seen = RecordingHandler()
        >>> for _ in ScriptedChatModel("Good day", name="tiny").stream("hi", {"callbacks": [seen]}):
        ...     pass
        >>> seen.tokens(), seen.tree(), seen.pending()
        (('Good', ' day'), (('tiny', ()),), ())
    """

    run_inline = True  # else each event of an async run waits for a thread of the loop's executor

    def __init__(self, *, fail_on: Collection[str] = (), raise_error: bool = False) -> None:
        self.raise_error = raise_error
        self._fail_on = frozenset(fail_on)
        self._events: deque[Event] = deque()  # its append is atomic: no lock, so that copies work
        self._names: dict[UUID, str] = {}

    @property
    def events(self) -> tuple[Event, ...]:
        """Everything so far, oldest first."""
        return tuple(self._events)

    def runs(self, run_type: RunType | None = None) -> tuple[Run, ...]:
        """The runs in the order of their starts; a run that was started twice is there twice."""
        runs: list[Run] = []
        latest: dict[UUID, int] = {}
        for event in self.events:
            if event.kind in _STARTS:
                latest[event.run_id] = len(runs)
                runs.append(_started(event))
            elif event.kind in _ENDS and event.run_id in latest:
                place = latest[event.run_id]
                runs[place] = replace(runs[place], state=_ENDS[event.kind], value=event.value)
        return tuple(run for run in runs if run_type in (None, run.type))

    def pending(self) -> tuple[Run, ...]:
        """The runs that neither ended nor failed."""
        return tuple(run for run in self.runs() if run.state == "pending")

    def tokens(self, run_id: UUID | None = None) -> tuple[str, ...]:
        """The texts streamed, of one run or of all, without the empty ones."""
        texts = (
            _text(event) for event in self.events if event.kind == "llm_new_token" and run_id in (None, event.run_id)
        )
        return tuple(text for text in texts if text)

    def tree(self) -> Tree:
        """The runs' names, each with those below it; a run whose parent is unknown is a root."""
        runs = self.runs()
        known = {run.run_id for run in runs}
        children: dict[UUID | None, list[Run]] = defaultdict(list)
        for run in runs:
            children[run.parent_run_id if run.parent_run_id in known else None].append(run)

        def below(parent: UUID | None) -> Tree:
            return tuple((run.name, below(run.run_id)) for run in children[parent])

        return below(None)

    def _note(self, kind: str, run_id: UUID, value: Any, extra: dict[str, Any], name: str | None = None) -> None:
        self._events.append(
            Event(
                kind=kind,
                run_id=run_id,
                parent_run_id=extra.pop("parent_run_id", None),
                name=self._names.get(run_id, "") if name is None else name,
                tags=tuple(extra.pop("tags", None) or ()),
                value=value,
                extra=extra,
            )
        )
        if kind in self._fail_on:
            raise RuntimeError(f"The handler was told to fail on {kind}.")

    def _start(self, kind: str, serialized: Any, run_id: UUID, value: Any, extra: dict[str, Any]) -> None:
        name = extra.pop("name", None) or (serialized or {}).get("name") or ""
        self._names[run_id] = name
        self._note(kind, run_id, value, extra, name)

    def on_chat_model_start(self, serialized: Any, messages: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._start("chat_model_start", serialized, run_id, messages, kwargs)

    def on_llm_start(self, serialized: Any, prompts: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._start("llm_start", serialized, run_id, prompts, kwargs)

    def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._start("chain_start", serialized, run_id, inputs, kwargs)

    def on_tool_start(self, serialized: Any, input_str: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._start("tool_start", serialized, run_id, input_str, kwargs)

    def on_retriever_start(self, serialized: Any, query: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._start("retriever_start", serialized, run_id, query, kwargs)

    def on_llm_new_token(self, token: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._note("llm_new_token", run_id, token, kwargs)

    def on_stream_event(self, event: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._note("stream_event", run_id, event, kwargs)

    def on_llm_end(self, response: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._note("llm_end", run_id, response, kwargs)

    def on_llm_error(self, error: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._note("llm_error", run_id, error, kwargs)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._note("chain_end", run_id, outputs, kwargs)

    def on_chain_error(self, error: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._note("chain_error", run_id, error, kwargs)

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._note("tool_end", run_id, output, kwargs)

    def on_tool_error(self, error: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._note("tool_error", run_id, error, kwargs)

    def on_retriever_end(self, documents: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._note("retriever_end", run_id, documents, kwargs)

    def on_retriever_error(self, error: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._note("retriever_error", run_id, error, kwargs)

    def on_agent_action(self, action: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._note("agent_action", run_id, action, kwargs)

    def on_agent_finish(self, finish: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._note("agent_finish", run_id, finish, kwargs)

    def on_text(self, text: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._note("text", run_id, text, kwargs)

    def on_retry(self, retry_state: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._note("retry", run_id, retry_state, kwargs)

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: D102
        self._note("custom_event", run_id, data, kwargs, name)


def _started(event: Event) -> Run:
    return Run(
        type=_STARTS[event.kind],
        name=event.name,
        run_id=event.run_id,
        parent_run_id=event.parent_run_id,
        tags=event.tags,
        metadata=event.extra.get("metadata") or {},
    )


def _text(event: Event) -> str:
    chunk = event.extra.get("chunk")
    return str(event.value if isinstance(event.value, str) or chunk is None else chunk.text)
