"""Attempts: calling candidates in turn, within limits, until one gives an acceptable answer."""

from langchain_scaffolding.attempts.binding import RawTools, Schema, is_provider_tool
from langchain_scaffolding.attempts.call import CallSettings
from langchain_scaffolding.attempts.chain import AttemptChain, Fallbacks
from langchain_scaffolding.attempts.checks import is_cut
from langchain_scaffolding.attempts.hedging import Hedging
from langchain_scaffolding.attempts.limits import Abandoned, Limits
from langchain_scaffolding.attempts.reply import as_chunk
from langchain_scaffolding.attempts.run import RunSettings, aopen_run, below, heard_once, open_run
from langchain_scaffolding.attempts.step import Attempt, LastResort, Step
from langchain_scaffolding.attempts.turns import atake_turn, take_turn

__all__ = [
    "Abandoned",
    "Attempt",
    "AttemptChain",
    "CallSettings",
    "Fallbacks",
    "Hedging",
    "LastResort",
    "Limits",
    "RawTools",
    "RunSettings",
    "Schema",
    "Step",
    "aopen_run",
    "as_chunk",
    "atake_turn",
    "below",
    "heard_once",
    "is_cut",
    "is_provider_tool",
    "open_run",
    "take_turn",
]
