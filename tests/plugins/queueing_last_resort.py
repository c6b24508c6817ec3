"""A last resort from outside: the call is noted for later, and the caller told so."""

from __future__ import annotations

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable, RunnableLambda


def queueing(queue: list[str]) -> Runnable[list[BaseMessage], AIMessage]:
    def note(messages: list[BaseMessage]) -> AIMessage:
        queue.append(str(messages[-1].text))
        return AIMessage(f"Queued as number {len(queue)}.")

    return RunnableLambda(note)
