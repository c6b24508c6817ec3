"""Fakes that behave like real providers, for testing what is built on chat models.

They need neither network nor key nor real time, and nothing of them imports pytest.
"""

from langchain_scaffolding.testing.clock import FakeClock
from langchain_scaffolding.testing.errors import provider_error
from langchain_scaffolding.testing.examples import example_models
from langchain_scaffolding.testing.obedient import obedient
from langchain_scaffolding.testing.recording import Event, RecordingHandler, Run
from langchain_scaffolding.testing.replies import Reply, structured_reply
from langchain_scaffolding.testing.script import Call, Script
from langchain_scaffolding.testing.scripted import ScriptedChatModel

__all__ = [
    "Call",
    "Event",
    "FakeClock",
    "RecordingHandler",
    "Reply",
    "Run",
    "Script",
    "ScriptedChatModel",
    "example_models",
    "obedient",
    "provider_error",
    "structured_reply",
]
