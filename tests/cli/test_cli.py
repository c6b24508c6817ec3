"""The command line, as a user types it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from langchain_scaffolding.cli import app as commands
from langchain_scaffolding.cli import demo
from langchain_scaffolding.cli.app import app
from langchain_scaffolding.outcomes import ErrorClass, Outcome
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.performance.store import OutcomeStore
from tests.discovery.servers import LLAMA_CPP, OLLAMA, VLLM, serving
from tests.local.tiny_gguf import write_tiny_gguf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

TEXT = "To make tea, boil the water first. Then put the leaves in and let them steep. Pour the tea into warm cups."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("cli") / "polite.gguf", says="ok.", quantization="Q8_0")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A router of two hosted models that nobody calls."""
    text = f"""
        store = "sqlite:///{tmp_path}/outcomes.db"
        [[models]]
        model = "ollama:small"
        tags = {{ size_gb = 1, capabilities = ["CHAT"], local = false }}
        [[models]]
        model = "ollama:painter"
        tags = {{ size_gb = 1, capabilities = ["IMAGE"], local = true }}
        [profiles.private]
        local_only = true
        [profiles.small]
        max_size_gb = 2
        tasks.title.pin = "small"
    """
    path = tmp_path / "router.toml"
    path.write_text(text, encoding="utf-8")
    return path


def run(*arguments: object, code: int = 0, input: str | None = None) -> str:
    """What a command prints."""
    told = CliRunner().invoke(app, [str(each) for each in arguments], input=input)
    assert told.exit_code == code, (told.exit_code, told.output, told.exception)
    return told.stdout


def facts(*arguments: object, code: int = 0, input: str | None = None) -> Any:
    """The one JSON value that a command prints."""
    return json.loads(run(*arguments, "--json", code=code, input=input))


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Typed]:
    """Type a command as it is typed in a shell, with what the environment says."""

    def type_(*arguments: object, **environ: str) -> Typed:
        monkeypatch.setattr(sys, "argv", ["langchain-scaffolding", *map(str, arguments)])
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            commands.run()
        return Typed(ended.value.code, *capsys.readouterr())

    return type_


class Typed(NamedTuple):
    code: Any
    out: str
    err: str


# --- which router ----------------------------------------------------------------------------------------------------


def test_a_router_is_said_in_one_way_for_all_commands_a_file_a_server_or_a_configuration(
    model: Path, config: Path
) -> None:
    with serving(VLLM) as server:
        for where, names in (
            (["--model", model], ["polite"]),
            (["-m", model.parent], ["polite"]),
            (["-m", server.url], ["Qwen/Qwen2.5-7B-Instruct-AWQ"]),
            (["-m", model, "-m", f"{server.url}/v1"], ["polite", "Qwen/Qwen2.5-7B-Instruct-AWQ"]),
            (["--config", config], ["small", "painter"]),
        ):
            assert sorted(each["name"] for each in facts("discover", *where)["models"]) == sorted(names)
            ranking = facts("explain", "x", *where)
            assert sorted(each["model"] for each in ranking["ranked"] + ranking["rejected"]) == sorted(names)
            told = {finding["model"] for finding in facts("doctor", *where, code=0)["findings"]}
            assert told <= {*names, None}


def test_the_environment_names_folder_server_and_profiles(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = tmp_path / "profiles.toml"
    profiles.write_text("[profiles.none]\nallow = []", encoding="utf-8")
    with serving(OLLAMA) as server:
        monkeypatch.setenv("LANGCHAIN_SCAFFOLDING_MODELS", str(model.parent))
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        found = {each["name"]: each["source"] for each in facts("discover")["models"]}
        assert found.items() >= {"polite": "gguf", "qwen2:1.5b": "ollama"}.items()
        monkeypatch.setenv("LANGCHAIN_SCAFFOLDING_PROFILE", f"{profiles}#none")
        ranking = facts("explain", "x")
        assert ranking["ranked"] == []
        assert "profile 'none' allows only nothing" in {each["reason"] for each in ranking["rejected"]}


# --- discover --------------------------------------------------------------------------------------------------------


def test_discover_says_what_is_known_of_each_model_and_why_others_are_left_out(tmp_path: Path, model: Path) -> None:
    (tmp_path / "good.gguf").write_bytes(model.read_bytes())
    (tmp_path / "empty.gguf").touch()
    shown = run("discover", "-m", tmp_path)
    assert "good" in shown
    assert "empty.gguf: is empty." in shown
    found = facts("discover", "-m", tmp_path)
    (good,) = found["models"]
    assert (good["name"], good["quantization"], good["local"], good["loaded"]) == ("good", "Q8_0", True, False)
    assert good["parameters"] > 0
    assert found["troubles"] == [{"source": str(tmp_path), "reason": f"{tmp_path}/empty.gguf: is empty."}]


def test_discover_marks_what_is_only_guessed() -> None:
    with serving(LLAMA_CPP) as server:
        assert "tools?" in run("discover", "-m", server.url)
        assert facts("discover", "-m", server.url)["models"][0]["guessed"] == ["TOOLS"]


def test_where_no_model_is_found_the_reasons_are_told_and_the_exit_code_is_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = tmp_path / "router.toml"
    nobody.write_text('discover = ["gguf"]\ndiscover_every_s = 3600', encoding="utf-8")
    monkeypatch.setenv("LANGCHAIN_SCAFFOLDING_MODELS", str(tmp_path / "none"))
    assert "No model was found." in run("discover", "--config", nobody, code=1)
    found = facts("discover", "--config", nobody, code=1)
    assert (found["models"], [each["source"] for each in found["troubles"]]) == ([], ["gguf"])
    diagnosis = facts("doctor", "--config", nobody, code=1)
    assert {(each["severity"], each["constraint"]) for each in diagnosis["findings"]} == {
        ("error", "models"),
        ("note", "source gguf"),
    }


# --- explain and scaffold --------------------------------------------------------------------------------------------


def test_explain_prints_a_ranking_for_people_and_for_machines(model: Path, config: Path) -> None:
    shown = run("explain", TEXT, "--task", "title", "--model", model)
    assert "polite" in shown
    assert "task title" in shown
    assert facts("explain", TEXT, "--model", model)["ranked"][0]["parts"]["quantization"] == 1.0
    assert "has IMAGE, needs CHAT or REASONING" in " ".join(run("explain", "x", "-c", config).split())
    assert "the last resort answers" in run("explain", "x", "-c", config, "--profile", "private")


def test_scaffold_gives_what_the_model_cannot_from_the_rules_and_says_so(model: Path) -> None:
    told = facts("scaffold", TEXT, "--task", "outline", "--model", model)
    assert told["routing"]["source"] == "rule_based"
    assert {attempt["model"] for attempt in told["routing"]["attempts"]} == {"polite"}
    assert "boil the water" in told["content"].lower()
    assert "answered by the rules" in run("scaffold", TEXT, "--model", model)


def test_S19_a_profile_holds_on_the_command_line_too(model: Path, config: Path) -> None:
    told = facts("scaffold", TEXT, "--config", config, "--profile", "private")
    assert (told["routing"]["source"], told["routing"]["attempts"]) == ("rule_based", [])


def test_a_text_may_come_from_standard_input(model: Path) -> None:
    assert facts("explain", "-", "--model", model, input="word " * 400)["input_tokens"] == 504


# --- doctor ----------------------------------------------------------------------------------------------------------


def test_S23_doctor_tells_constraint_found_needed_and_fix_and_its_exit_code_says_whether_all_is_well(
    config: Path, model: Path
) -> None:
    assert facts("doctor", "--model", model) == {"ok": True, "findings": []}
    assert run("doctor", "--model", model) == "Nothing to change.\n"
    shown = run("doctor", "--config", config, "--profile", "private", "--task", "chat", code=1)
    for told in (
        "error no suitable model: all constraints together (chat)",
        "small: local_only of profile 'private'",
        "found  not local",
        "needed a local model",
        "fix    register a local model",
    ):
        assert told in shown
    findings = facts("doctor", "--config", config, "--task", "chat")["findings"]
    assert [(each["model"], each["constraint"], each["found"], each["needed"]) for each in findings] == [
        ("painter", "preferred_capabilities", "IMAGE", "CHAT or REASONING")
    ]


def test_S23_doctor_tells_of_slow_and_inconsistent_calls_out_of_the_store(config: Path, tmp_path: Path) -> None:
    record(tmp_path, "small", 12, total_s=6.0)
    record(tmp_path, "painter", 12, total_s=0.5)
    troubles = {each["trouble"] for each in facts("doctor", "-c", config, "-t", "title", code=1)["findings"]}
    assert troubles == {"no suitable model", "slow", "inconsistent"}


def record(folder: Path, name: str, number: int, **facts: Any) -> None:
    tracker = PerformanceTracker(store=OutcomeStore(f"sqlite:///{folder}/outcomes.db"))
    for place in range(number):
        measured = "error" not in facts
        tracker.record(Outcome(task="title", model=name, decision_id=f"{name}{place}", measured=measured, **facts))
    tracker.close()


# --- stats -----------------------------------------------------------------------------------------------------------


def test_stats_shows_what_was_recorded_and_opens_no_model(config: Path, tmp_path: Path) -> None:
    record(tmp_path, "small", 3, total_s=0.5)
    record(tmp_path, "gone", 1, error=ErrorClass.TIMEOUT, total_s=2.0)
    store = f"sqlite:///{tmp_path}/outcomes.db"
    assert re.search(r"title +small +3 +0 +50\d ms", run("stats", "--store", store))
    rows = {row["model"]: row for row in facts("stats", "--config", config)}
    assert (rows["small"]["calls"], rows["gone"]["errors"]) == (3, 1)
    assert rows["small"]["latency_p50_s"] == pytest.approx(0.5, rel=0.02)
    assert facts("stats", "--store", store, "--task", "outline") == []
    assert "Nothing has been recorded yet." in run("stats", "--store", store, "--task", "outline")


# --- profiles --------------------------------------------------------------------------------------------------------


def test_profiles_check_shows_the_profiles_of_a_right_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run("profiles", "check", config)
    assert "private" in shown
    assert "local_only = true" in shown
    told = facts("profiles", "check", config)
    assert told["profiles"]["small"] == {"max_size_gb": 2.0, "tasks": {"title": {"pin": "small"}}}
    monkeypatch.setenv("LANGCHAIN_SCAFFOLDING_PROFILE", f"{config}#private")
    assert facts("profiles", "check") == told


def test_profiles_check_tells_a_line_for_each_fault(tmp_path: Path, typed: Callable[..., Typed]) -> None:
    wrong = tmp_path / "profiles.toml"
    wrong.write_text("[profiles.p]\nlocal_onyl = true\n[profiles.q]\nmax_size_gb = -1", encoding="utf-8")
    told = facts("profiles", "check", wrong, code=1)
    assert not told["ok"]
    assert [fault.partition(": ")[0] for fault in told["faults"]] == [f"{wrong}:2", f"{wrong}:4"]
    plain = typed("profiles", "check", wrong)
    assert (plain.code, plain.out) == (1, "")
    assert plain.err.count("Error: ") == plain.err.count("\n") == 2
    assert "did you mean 'local_only'?" in plain.err


def test_a_profile_that_denies_everything_is_marked(tmp_path: Path) -> None:
    (tmp_path / "none.toml").write_text("[profiles.none]\nallow = []", encoding="utf-8")
    assert "permits no model" in run("profiles", "check", tmp_path / "none.toml")


# --- models ----------------------------------------------------------------------------------------------------------


def test_models_list_names_the_weights() -> None:
    assert [each["name"] for each in facts("models", "list")] == ["smollm2", "smollm2-q8"]


# --- demo ------------------------------------------------------------------------------------------------------------


def test_the_demo_tells_machines_what_was_asked_and_who_answered(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_tiny_gguf(tmp_path / "other.gguf", says="so.", quantization="F16")
    monkeypatch.setattr(demo, "MODELS", (model, other))
    told = facts("demo")
    assert told["models"] == ["polite", "other"]
    answered = {each["step"]: each["routing"]["model"] for each in told["steps"]}
    winner = answered["routing"]
    loser = next(name for name in told["models"] if name != winner)
    assert answered["pinned"] == "other"
    assert answered["winner gone"] == loser
    gone = told["steps"][-1]
    assert (gone["step"], gone["routing"]["source"]) == ("all gone", "rule_based")
    assert [each["error"] for each in gone["routing"]["attempts"]] == ["connection", "connection"]
    assert told["steps"][0]["asked"] == demo.PROMPTS["outline"]
    assert all(0 <= each["routing"]["seconds"] < told["seconds"] for each in told["steps"])
    assert max(len(each["asked"]) for each in told["steps"]) <= 200


# --- progress --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_what_may_take_a_second_shows_progress_on_a_terminal_and_never_in_the_output(model: Path) -> None:
    import pty

    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "langchain_scaffolding", "scaffold", TEXT, "--json", "--model", str(model)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=end, env={**os.environ, "TERM": "xterm"}) as run:
        os.close(end)
        seen = bytearray()
        with contextlib.suppress(OSError):  # what Linux says of a terminal whose other end is closed
            while part := os.read(terminal, 4096):
                seen += part
        os.close(terminal)
        assert run.stdout is not None
        assert json.load(run.stdout)["routing"]["source"] == "rule_based"
    assert b"looking for models ..." in seen
    assert b"writing the outline ..." in seen


# --- errors, help, completion ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["explain", "x", "--model", "/no/such/model.gguf"], "/no/such/model.gguf: cannot be read (No such file"),
        (["discover", "--model", "http://127.0.0.1:9"], "nothing listens at 127.0.0.1:9"),
        (["scaffold", "x", "--config", "/no/such/router.toml", "--json"], "/no/such/router.toml: cannot be read"),
        (["scaffold", "x", "--config", "a.toml", "--model", "b.gguf"], "Give --config or --model, not both"),
        (["models", "get", "gpt-17"], "gpt-17"),
        (["stats"], "Say where outcomes are kept"),
        (["stats", "--store", "sqlite:////no/such.db"], "There is no file /no/such.db"),
        (["stats", "--store", "mysterydb://x/y"], "mysterydb"),
        (["profiles", "check"], "Name a file, or set LANGCHAIN_SCAFFOLDING_PROFILE"),
    ],
)
def test_an_error_is_one_line_on_standard_error_and_exit_code_1(
    arguments: list[str], told: str, typed: Callable[..., Typed]
) -> None:
    code, shown, error = typed(*arguments)
    assert (code, shown, error.count("\n")) == (1, "", 1)
    assert error.startswith("Error: ")
    assert told in error


def test_an_unknown_task_or_profile_is_one_line_too(model: Path, config: Path, typed: Callable[..., Typed]) -> None:
    for arguments in (["explain", "x", "-m", model, "-t", "poem"], ["explain", "x", "-c", config, "-p", "privat"]):
        code, _, error = typed(*arguments)
        assert (code, error.count("\n")) == (1, 1)
        assert error.startswith("Error: Unknown ")


def test_the_module_runs_as_a_program() -> None:
    command = [sys.executable, "-m", "langchain_scaffolding", "models", "get", "gpt-17"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith("Error: ")
    assert "Traceback" not in told.stderr


def test_what_is_no_command_is_exit_code_2() -> None:
    assert CliRunner().invoke(app, ["heal"]).exit_code == 2
    assert CliRunner().invoke(app, ["explain", "x", "--tsak", "title"]).exit_code == 2


@pytest.mark.parametrize(
    "command",
    [[], ["discover"], ["explain"], ["scaffold"], ["doctor"], ["stats"], ["profiles"], ["profiles", "check"], ["demo"]],
)
def test_every_command_says_what_it_does(command: list[str]) -> None:
    assert "Usage:" in run(*command, "--help")


def test_every_command_prints_json_if_asked_to() -> None:
    def commands_of(group: Any, *names: str) -> Iterator[tuple[str, Any]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from commands_of(command, *names, name)
            else:
                yield " ".join([*names, name]), command

    every = dict(commands_of(get_command(app)))
    assert {"demo", "discover", "doctor", "models get", "profiles check"} < every.keys()
    assert [name for name, each in every.items() if not any("--json" in option.opts for option in each.params)] == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_given_a_completion(shell: str, typed: Callable[..., Typed]) -> None:
    script = typed(_LANGCHAIN_SCAFFOLDING_COMPLETE=f"source_{shell}").out
    assert f"_LANGCHAIN_SCAFFOLDING_COMPLETE=complete_{shell}" in script


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("d", {"discover", "doctor", "demo"}),
        ("scaffold x --task out", {"outline"}),
        ("models get smollm2-", {"smollm2-q8"}),
        ("explain x --pro", {"--profile"}),
    ],
)
def test_what_is_typed_is_completed(words: str, offered: set[str], typed: Callable[..., Typed]) -> None:
    told = typed(
        _LANGCHAIN_SCAFFOLDING_COMPLETE="complete_bash",
        COMP_WORDS=f"langchain-scaffolding {words}",
        COMP_CWORD=str(len(words.split())),
    )
    assert set(told.out.split()) == offered


def test_without_the_extra_the_install_line_is_told() -> None:
    script = """if True:
        import importlib.util, sys
        real = importlib.util.find_spec
        importlib.util.find_spec = lambda name, *rest: None if name == "rich" else real(name, *rest)
        from langchain_scaffolding.cli import main
        main()
    """
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert told.stderr == 'The command line needs rich: pip install "langchain-scaffolding[cli]"\n'
