"""Tasks are known by name: built in, registered, installed, or handed in."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from langchain_scaffolding import rules, tasks
from langchain_scaffolding.errors import ConfigurationError, UnknownTaskError
from langchain_scaffolding.tasks import Option, Task, known_tasks, register, task_of
from langchain_scaffolding.tasks.outline import OUTLINE

NAMES = {"chat", "reasoning", "structure", "outline", "fill", "summary", "title", "query_rewrite"}


def test_what_is_built_in() -> None:
    assert set(known_tasks()) >= NAMES
    assert known_tasks()["chat"].is_label
    assert known_tasks()["chat"].rule is rules.generic
    assert all(known_tasks()[name].rule is rules.BUILT_IN[name] for name in NAMES - {"chat"})


def test_a_bare_name_is_a_label_unless_there_is_such_a_task() -> None:
    known = known_tasks(["triage", "outline"])
    assert known["triage"].is_label
    assert known["outline"] is OUTLINE


def test_a_task_given_takes_the_place_of_one_of_its_name() -> None:
    mine = Task(name="outline")
    assert known_tasks([mine])["outline"] is mine
    assert known_tasks()["outline"] is OUTLINE


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("outline", "list of names or tasks"),
        (3, "list of names or tasks"),
        ([3], "names or `Task`s, not 3"),
        ([""], "cannot be named ''"),
        (["two words"], "cannot be named 'two words'"),
        (["1st"], "cannot be named '1st'"),
        ([Task(name="a"), Task(name="a", temperature=1.0)], "Two of the tasks given are named 'a'"),
    ],
)
def test_tasks_that_cannot_be(given: object, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said.replace("(", "\\(")):
        known_tasks(given)


def test_an_unknown_task_is_told_with_those_known() -> None:
    with pytest.raises(UnknownTaskError, match="outlin'.*outline"):
        task_of("outlin")


def test_registering_makes_a_task_known_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("langchain_scaffolding.tasks.registry._registered", {})
    mine = register(Task(name="haiku"))
    assert known_tasks()["haiku"] is mine
    assert register(mine) is mine
    with pytest.raises(ConfigurationError, match="a task 'haiku' already"):
        register(Task(name="haiku"))
    with pytest.raises(ConfigurationError, match="a task 'outline' already"):
        register(Task(name="outline"))


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, entry: str, source: str = "") -> None:
    """Make a folder look like an installed package with one entry point."""
    info = folder / "limericks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: limericks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{tasks.GROUP}]\n{entry}\n")
    (folder / "limericks_of_test.py").write_text(source)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "limericks_of_test", raising=False)


def test_an_installed_package_brings_its_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "from langchain_scaffolding.tasks import Task\nLIMERICK = Task(name='limerick')\n"
    install(tmp_path, monkeypatch, "limerick = limericks_of_test:LIMERICK", source)
    assert known_tasks()["limerick"].name == "limerick"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("LIMERICK = 3", "is a int, not a `Task`"),
        ("", "cannot be loaded .AttributeError"),
        ("raise RuntimeError('broken')", "cannot be loaded .RuntimeError: broken"),
        ("from langchain_scaffolding.tasks import Task\nLIMERICK = Task(name='title')", "brings a task 'title'"),
    ],
)
def test_a_broken_package_is_named(source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "limerick = limericks_of_test:LIMERICK", source)
    with pytest.raises(ConfigurationError, match=said) as raised:
        known_tasks()
    assert "limericks" in str(raised.value)


@pytest.mark.parametrize(
    ("part", "value"),
    [("prompt", "text"), ("parser", 3), ("rule", None), ("cleaner", None), ("required_capabilities", "CHAT")],
)
def test_a_task_with_a_part_of_the_wrong_kind(part: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=f"The {part} of task 'mine'|The {part}"):
        Task(name="mine", **{part: value})


def test_an_option_cannot_take_the_name_of_one_that_every_task_has() -> None:
    with pytest.raises(ConfigurationError, match="max_tokens"):
        Task(name="mine", options={"max_tokens": Option(default=3)})


@pytest.mark.parametrize(
    ("name", "option", "value", "said"),
    [
        ("outline", "max_points", 0, "max_points is 0; give a whole number from 1 to 100"),
        ("outline", "max_points", 10_000, "max_points is 10000"),
        ("outline", "max_points", 2.5, "max_points is 2.5"),
        ("outline", "max_points", True, "max_points is True"),
        ("outline", "style", "haiku", "style is 'haiku'; give one of 'bullet', 'numbered', 'roman'"),
        ("summary", "style", "long", "style is 'long'"),
        ("fill", "style", "bullet", "style is 'bullet'"),
        ("fill", "prompt", 3, "prompt is 3; give a text"),
        ("title", "max_words", -1, "max_words is -1"),
        ("title", "max_tokens", -5, "max_tokens is -5"),
        ("title", "max_tokens", 0, "max_tokens is 0"),
        ("title", "temperature", float("nan"), "temperature is nan"),
        ("title", "audience", "child", "audience is 'child'"),
        ("title", "max_points", 3, "Task 'title' has no option 'max_points'. Its options: audience"),
    ],
)
def test_an_option_out_of_range_names_value_and_remedy(name: str, option: str, value: object, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        task_of(name).values({option: value})
    assert said in str(raised.value)


@pytest.mark.parametrize("name", sorted(NAMES - {"chat"}))
def test_the_rule_of_a_task_gets_its_options(name: str) -> None:
    task = task_of(name)
    text = "The pump failed twice in May. The fee rises to 75 pounds in June. It was a fine day in the valley."
    values = task.values({"max_points": 1} if "max_points" in task.options else {})
    answer = task.by_rule(text, {**task.parameters(values), **values})
    assert len(answer.points) <= 1 or name == "summary"
