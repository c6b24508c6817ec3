"""Which tasks there are: those built in, those of installed packages, and those registered or handed in."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from langchain_scaffolding.errors import ConfigurationError, UnknownTaskError
from langchain_scaffolding.tasks.fill import FILL
from langchain_scaffolding.tasks.outline import OUTLINE
from langchain_scaffolding.tasks.query_rewrite import QUERY_REWRITE
from langchain_scaffolding.tasks.reasoning import REASONING
from langchain_scaffolding.tasks.structure import STRUCTURE
from langchain_scaffolding.tasks.summary import SUMMARY
from langchain_scaffolding.tasks.task import Task
from langchain_scaffolding.tasks.title import TITLE

GROUP = "langchain_scaffolding.tasks"
"""The entry-point group in which a package offers its tasks."""

CHAT = Task(name="chat")
"""A call that names no task."""

BUILT_IN = (CHAT, REASONING, STRUCTURE, OUTLINE, FILL, SUMMARY, TITLE, QUERY_REWRITE)

_registered: dict[str, Task] = {}
_lock = threading.Lock()


def register(task: Task) -> Task:
    """Make a task known to every router, service and scaffold made from now on; returns it.

    A package does the same by an entry point of group `langchain_scaffolding.tasks` that names a `Task`.

    Raises:
        ConfigurationError: It is no task, or another task has its name. A router takes a task in place of another by
            `tasks=[...]`.
    """
    if not isinstance(task, Task):
        raise ConfigurationError(f"`register` takes a `Task`, not a {type(task).__name__}.")
    with _lock:
        others = {**_by_name(BUILT_IN), **_installed(tuple(sys.path)), **_registered}
        if others.get(task.name, task) is not task:
            msg = (
                f"There is a task {task.name!r} already. Choose another name, or give yours to one router: "
                "`ScaffoldingRouterLLM(tasks=[...])`."
            )
            raise ConfigurationError(msg)
        _registered[task.name] = task
    return task


def known_tasks(tasks: Iterable[str | Task] = ()) -> dict[str, Task]:
    """Every task by name: built in, of installed packages, registered, and those given.

    Args:
        tasks: Further tasks. One given takes the place of another of its name; a bare name makes a label, unless there
            is a task of that name.

    Raises:
        ConfigurationError: One of them is neither, a name cannot be one, or two given share a name.

    Example:
        >>> known_tasks(["triage"])["triage"].is_label
        True
    """
    if isinstance(tasks, (str, bytes)) or not isinstance(tasks, Iterable):
        raise ConfigurationError(f"`tasks` takes a list of names or tasks, not {tasks!r}.")
    known = {**_by_name(BUILT_IN), **_installed(tuple(sys.path)), **_registered}
    given: dict[str, Task] = {}
    for each in tasks:
        task = known.get(each) or Task(name=each) if isinstance(each, str) else each
        if not isinstance(task, Task):
            raise ConfigurationError(f"`tasks` takes names or `Task`s, not {each!r}.")
        if given.get(task.name, task) != task:
            raise ConfigurationError(f"Two of the tasks given are named {task.name!r}; rename one of them.")
        given[task.name] = task
    return {**known, **given}


def task_of(task: str | Task) -> Task:
    """The task of a name, or the task itself.

    Raises:
        ConfigurationError: It is neither.
        UnknownTaskError: No task has this name.
    """
    if isinstance(task, Task):
        return task
    known = known_tasks()
    if not isinstance(task, str):
        raise ConfigurationError(f"A task is a name or a `Task`, not {task!r}.")
    if task not in known:
        raise UnknownTaskError(task, known)
    return known[task]


def _by_name(tasks: Iterable[Task]) -> dict[str, Task]:
    return {task.name: task for task in tasks}


@cache
def _installed(_path: tuple[str, ...]) -> dict[str, Task]:
    """The tasks of installed packages; asked again when the import path changes."""
    found: dict[str, Task] = {}
    for entry in entry_points(group=GROUP):
        task = _loaded(entry)
        if task.name in found or any(task.name == built_in.name for built_in in BUILT_IN):
            msg = f"{_origin(entry)} brings a task {task.name!r}, but there is one of that name; rename it there."
            raise ConfigurationError(msg)
        found[task.name] = task
    return found


def _loaded(entry: EntryPoint) -> Task:
    try:
        task = entry.load()
    except Exception as error:
        msg = f"{_origin(entry)} cannot be loaded ({type(error).__name__}: {error}). Repair or uninstall the package."
        raise ConfigurationError(msg) from error
    if not isinstance(task, Task):
        raise ConfigurationError(f"{_origin(entry)} is a {type(task).__name__}, not a `Task`; correct the package.")
    return task


def _origin(entry: EntryPoint) -> str:
    package = "" if entry.dist is None else f" of package {entry.dist.name!r}"
    return f"The entry point {entry.name!r}{package} in group {GROUP!r}"
