"""Tasks: the kinds of small calls, each with prompt, parser, checks and rule."""

from langchain_scaffolding.tasks.acceptance import Acceptance, AnswerStream
from langchain_scaffolding.tasks.budgets import ThinkingBudgets
from langchain_scaffolding.tasks.options import MAX_POINTS, Option
from langchain_scaffolding.tasks.parameters import with_parameters
from langchain_scaffolding.tasks.registry import BUILT_IN, GROUP, known_tasks, register, task_of
from langchain_scaffolding.tasks.task import Answer, Check, CleanerFactory, Options, Parser, Prompt, Task

__all__ = [
    "BUILT_IN",
    "GROUP",
    "MAX_POINTS",
    "Acceptance",
    "Answer",
    "AnswerStream",
    "Check",
    "CleanerFactory",
    "Option",
    "Options",
    "Parser",
    "Prompt",
    "Task",
    "ThinkingBudgets",
    "known_tasks",
    "register",
    "task_of",
    "with_parameters",
]
