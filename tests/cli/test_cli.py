"""The command line, as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from langchain_scaffolding.cli.app import app
from tests.local.tiny_gguf import write_tiny_gguf

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

TEXT = "To make tea, boil the water first. Then put the leaves in and let them steep. Pour the tea into warm cups."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("cli") / "polite.gguf", says="ok.", quantization="Q8_0")


def test_explain_prints_a_ranking_for_people_and_for_machines(model: Path) -> None:
    arguments = ["explain", TEXT, "--task", "title", "--model", str(model)]
    told = CliRunner().invoke(app, arguments)
    assert told.exit_code == 0
    assert "polite" in told.stdout
    assert "task title" in told.stdout
    facts = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert [entry["model"] for entry in facts["ranked"]] == ["polite"]
    assert facts["ranked"][0]["parts"]["quantization"] == 1.0


def test_scaffold_gives_what_the_model_cannot_from_the_rules_and_says_so(model: Path) -> None:
    told = CliRunner().invoke(app, ["scaffold", TEXT, "--task", "outline", "--model", str(model), "--json"])
    assert told.exit_code == 0
    facts = json.loads(told.stdout)
    assert facts["routing"]["source"] == "rule_based"
    assert {attempt["model"] for attempt in facts["routing"]["attempts"]} == {"polite"}
    assert "boil the water" in facts["content"].lower()


def test_a_text_may_come_from_standard_input(model: Path) -> None:
    told = CliRunner().invoke(app, ["explain", "-", "--model", str(model), "--json"], input="word " * 400)
    assert json.loads(told.stdout)["input_tokens"] == 504


def test_models_list_names_the_weights() -> None:
    names = [each["name"] for each in json.loads(CliRunner().invoke(app, ["models", "list", "--json"]).stdout)]
    assert names == ["smollm2", "smollm2-q8"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["explain", "x", "--model", "/no/such/model.gguf"], "model.gguf"),
        (["models", "get", "gpt-17"], "gpt-17"),
    ],
)
def test_an_error_is_one_line_on_standard_error_and_exit_code_1(arguments: list[str], told: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "langchain_scaffolding", *arguments], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith("Error: ")
    assert told in run.stderr
    assert "Traceback" not in run.stderr
