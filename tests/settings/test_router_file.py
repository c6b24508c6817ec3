"""A router out of a file, and what is said of a file that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_scaffolding import ModelTags, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.settings import json_schema, options_from_file, performance_from_file
from langchain_scaffolding.settings.document import read_document
from langchain_scaffolding.settings.models import PROVIDERS
from langchain_scaffolding.settings.positions import toml_lines, yaml_lines
from langchain_scaffolding.settings.router_file import check
from langchain_scaffolding.settings.schema import RouterFile, checked
from tests.discovery.shelf import Shelf
from tests.local.tiny_gguf import write_tiny_gguf
from tests.paths import PATHS, call, routing
from tests.plugins.shelf_source import ShelfSource

KEY = "sk-proj-0123456789abcdefghij"
ENVIRON = {"OPENAI_API_KEY": KEY}

WHOLE = """\
profile = "frugal"
store = "sqlite:///{folder}/outcomes.db"

[config]
max_response_time_ms = 2000
preferred_capabilities = ["CHAT"]

[tasks.triage]                     # a further task
[tasks.title]
prefer = ["mini"]
parameters = {{ temperature = 0.9 }}

[[models]]
model = "openai:gpt-5-mini"
name = "mini"
tags = {{ size_gb = 8, local = false, cost = 2, capabilities = ["CHAT", "TOOLS"] }}
options = {{ api_key = {{ env = "OPENAI_API_KEY" }}, base_url = "http://127.0.0.1:9/v1" }}

[[models]]
model = "openai:gpt-5"
[models.tags]
size_gb = 80
local = false
cost = 10
[models.options]
api_key = {{ env = "OPENAI_API_KEY" }}

[profiles.frugal]
max_cost = 5

[profiles.private]
local_only = true
tasks.title.max_size_gb = 9
"""


def file(folder: Path, text: str, name: str = "router.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def whole(folder: Path) -> Path:
    return file(folder, WHOLE.format(folder=folder))


def fault(folder: Path, text: str, name: str = "router.toml", environ: Any = ENVIRON) -> str:
    """What is said of a file, without its folder."""
    with pytest.raises(ConfigurationError) as raised:
        options_from_file(file(folder, text, name), environ=environ)
    return str(raised.value).replace(f"{folder}/", "")


def test_a_file_describes_a_whole_router(tmp_path: Path) -> None:
    router = ScaffoldingRouterLLM(**options_from_file(whole(tmp_path), environ=ENVIRON))
    mini, large = router.models
    assert (mini.name, mini.tags.size_gb, mini.tags.local, mini.tags.extra["cost"]) == ("mini", 8, False, 2)
    assert (large.name, large.tags.size_gb) == ("gpt-5", 80)
    assert mini.chat_model.openai_api_key.get_secret_value() == KEY
    assert router.config == ScaffoldingConfig(max_response_time_ms=2000, preferred_capabilities=["CHAT"])
    assert router.explain("hi", task="triage").names == ["mini"]
    assert [(each.name, each.reason) for each in router.explain("hi").rejected] == [
        ("gpt-5", "profile 'frugal' allows $5 per million tokens, cost is $10 per million tokens")
    ]
    assert router.explain("hi", routing_profile="private").names == []
    assert router.routing.parameters("title") == {"temperature": 0.9}
    assert router.performance.store.url.endswith(f":///{tmp_path}/outcomes.db")
    router.performance.close()


def test_the_profile_that_holds_is_named_by_the_caller_then_the_environment_then_the_file(tmp_path: Path) -> None:
    path = whole(tmp_path)
    for profile, named, names in (
        (None, None, ["mini"]),
        (None, "private", []),
        ("frugal", "private", ["mini"]),
    ):
        environ = {**ENVIRON, **({"LANGCHAIN_SCAFFOLDING_PROFILE": named} if named else {})}
        options = options_from_file(path, profile=profile, environ=environ)
        assert ScaffoldingRouterLLM(**options).explain("hi").names == names
        options["performance"].close()
    with pytest.raises(ConfigurationError, match="no profile 'privat'. Profiles of this file: frugal, private"):
        options_from_file(path, environ={**ENVIRON, "LANGCHAIN_SCAFFOLDING_PROFILE": "privat"})
    with pytest.raises(ConfigurationError, match="names a file"):
        options_from_file(path, environ={**ENVIRON, "LANGCHAIN_SCAFFOLDING_PROFILE": "other.toml"})


@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.parametrize("path", PATHS)
def test_S19_a_gguf_file_of_a_router_file_answers_under_local_only(tmp_path: Path, path: str) -> None:
    write_tiny_gguf(tmp_path / "polite.gguf", says="ok.", quantization="Q8_0")
    text = """
        profile = "private"
        [[models]]
        gguf = "polite.gguf"
        [[models]]
        model = "openai:gpt-5-mini"
        tags = { size_gb = 0.01 }
        options = { api_key = { env = "PATH" } }
        [profiles.private]
        local_only = true
    """
    message = call(ScaffoldingRouterLLM.from_file(file(tmp_path, text)), path, "Hello")
    assert routing(message)["model"] == "polite"


def test_models_may_be_discovered_and_the_file_names_stand_before_those_found(tmp_path: Path) -> None:
    text = 'discover = ["shelf"]\n[profiles.p]\npin = "a"'
    options = options_from_file(file(tmp_path, text), sources=[ShelfSource("a", "b")])
    router = ScaffoldingRouterLLM(**options)
    assert (router.explain("hi").names, router.explain("hi", routing_profile="p").names) == (["a", "b"], ["a"])
    with pytest.raises(
        ConfigurationError, match=r"router.toml:1: discover\[0\] = 'ollama': unknown source. Known are shelf"
    ):
        options_from_file(file(tmp_path, 'discover = ["ollama"]'), sources=[ShelfSource("a")])
    with pytest.raises(ConfigurationError, match="no model was found .shelf: the shelf is locked"):
        options_from_file(file(tmp_path, "discover = true"), sources=[ShelfSource(locked=True)])
    with pytest.raises(ConfigurationError, match="router.toml:3: profiles.p.pin = 'c': there is no model 'c'"):
        options_from_file(file(tmp_path, text.replace('"a"', '"c"')), sources=[ShelfSource("a")])


def test_S02_a_file_may_have_its_models_looked_for_again_and_again(tmp_path: Path) -> None:
    text = 'discover = true\ndiscover_every_s = 3600\nscorers = "recommended"\n[profiles.p]\npin = "b"'
    shelf = Shelf("shelf", "a")
    router = ScaffoldingRouterLLM(**options_from_file(file(tmp_path, text), sources=[shelf]))
    assert (router.explain("hi").names, router.explain("hi", routing_profile="p").names) == (["a"], [])
    shelf.models["b"] = ModelTags(extra={"loaded": True})
    router.discovery.refresh()
    assert (router.explain("hi").names, router.explain("hi", routing_profile="p").names) == (["b", "a"], ["b"])
    assert "every 3600 s" in repr(router.discovery)
    router.discovery.close()


def test_models_of_the_file_stand_before_those_found_by_the_same_name(tmp_path: Path) -> None:
    text = "discover = true\n" + MODEL.replace("openai:x", "openai:a")
    router = ScaffoldingRouterLLM(
        **options_from_file(file(tmp_path, text), sources=[Shelf("shelf", "a", "b")], environ=ENVIRON)
    )
    assert [(each.name, type(each.model).__name__) for each in router.models] == [
        ("a", "ChatOpenAI"),
        ("b", "ScriptedChatModel"),
    ]


def test_what_was_recorded_is_read_without_opening_a_model(tmp_path: Path) -> None:
    tracker = performance_from_file(whole(tmp_path), environ={})
    assert tracker is not None
    assert tracker.store.url.endswith(f":///{tmp_path}/outcomes.db")
    tracker.close()
    assert performance_from_file(file(tmp_path, MODEL)) is None


MODEL = '[[models]]\nmodel = "openai:x"\noptions.api_key = {env = "OPENAI_API_KEY"}\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = ", "router.toml:1: no valid TOML (Invalid value)."),
        (
            "[config]\nmax_retry = 1",
            "router.toml:2: config.max_retry = 1: unknown key; did you mean 'max_retries'? Allowed",
        ),
        (
            "[config]\n\npreferred_model_size = 'tiny'",
            "router.toml:3: config.preferred_model_size = 'tiny': should be 'small', 'medium' or 'large'.",
        ),
        (
            "[config]\nmax_response_time_ms = -5",
            "router.toml:2: config.max_response_time_ms = -5: should be greater than 0.",
        ),
        (
            "[config]\nhedge_after_ms = 'p100'",
            'should be a valid number, unable to parse string as a number or should be a percentile from "p1"',
        ),
        (
            "[[models]]\nmodel='openai:a'\n[[models]]\nmodel = 'openai:b'\n[models.tags]\nlocal = 'perhaps'",
            "router.toml:6: models[1].tags.local = 'perhaps': should be a valid boolean",
        ),
        ("[[models]]\nname = 'a'", "router.toml:1: models[0]: give one of the two"),
        ("[[models]]\nmodel = 'gpt'", "router.toml:2: models[0].model = 'gpt': should be \"provider:model\""),
        (
            "[[models]]\nmodel = 'os:system'",
            "router.toml:2: models[0].model = 'os:system': unknown provider 'os'. Known",
        ),
        ("[[models]]\nmodel = 'huggingface:x'", "unknown provider 'huggingface'. Known are anthropic, azure_openai"),
        ("[[models]]\nmodel = 'groq:x'", "ChatGroq is not installed: pip install langchain-groq"),
        ("[[models]]\ngguf = 'none.gguf'", "router.toml:2: models[0].gguf = 'none.gguf': there is no file none.gguf."),
        (
            "[[models]]\nmodel = 'openai:x'\noptions.cache = true",
            "router.toml:3: models[0].options.cache = True: no option",
        ),
        (MODEL + MODEL, "router.toml:4: models[1]: two models are named 'x'"),
        (
            MODEL + "[profiles.p]\npin = 'y'",
            "router.toml:5: profiles.p.pin = 'y': there is no model 'y'. Models are x.",
        ),
        (
            MODEL + "[profiles.p.tasks.titel]\nlocal_only = true",
            "router.toml:4: profiles.p.tasks.titel: unknown task. Known are chat, fill, outline",
        ),
        (
            MODEL + "[profiles.p]\nlocal_only = true\nlocalonly = 1",
            "router.toml:6: profiles.p.localonly = 1: unknown key; did",
        ),
        (
            "profile = 'p'\n" + MODEL,
            "router.toml:1: profile = 'p': there is no such profile. Profiles of this file: none.",
        ),
        ("[profiles.p]\npin = 'a'\ndeny = ['a']", "router.toml:1: profiles.p: it pins 'a' and denies it"),
        ("[tasks.'no name']\n" + MODEL, "router.toml:1: tasks: A task cannot be named 'no name'."),
        ("", "router.toml: models: no model. Add [[models]], or discover = true"),
        ("store = 'mongodb://x'\n" + MODEL, "router.toml:1: store = 'mongodb://x': "),
    ],
)
def test_an_error_names_the_file_the_line_the_key_the_value_and_what_is_allowed(
    tmp_path: Path, text: str, told: str
) -> None:
    assert told in fault(tmp_path, text)


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = "[config]\nmax_retries = 99\n[profiles.p]\nmax_cost = -1\n"
    assert fault(tmp_path, text) == (
        "router.toml:2: config.max_retries = 99: should be less than or equal to 10.\n"
        "router.toml:4: profiles.p.max_cost = -1: should be greater than or equal to 0."
    )


@pytest.mark.parametrize(
    "text",
    [
        MODEL.replace('{env = "OPENAI_API_KEY"}', f'"{KEY}"'),
        MODEL.replace('{env = "OPENAI_API_KEY"}', '"short"'),
        MODEL + f'options.model_kwargs = {{ note = "{KEY}" }}',
        MODEL + 'options.base_url = "https://me:hunter2@proxy.example/v1"',
        MODEL + 'options.default_headers = { Authorization = "Basic hunter2" }',
        f'store = "postgresql://me:hunter2@db/outcomes"\n{MODEL}',
        f'profile = "{KEY}"\n{MODEL}',
    ],
)
def test_a_secret_in_a_file_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    told = fault(tmp_path, text)
    assert "a secret must not stand in a file" in told
    assert '{env = "' in told
    assert not any(secret in told for secret in (KEY, "hunter2", "short"))


def test_a_variable_that_is_not_set_is_named_with_its_line(tmp_path: Path) -> None:
    assert fault(tmp_path, MODEL, environ={}) == (
        "router.toml:3: models[0].options.api_key = ...: the environment variable OPENAI_API_KEY is not set."
    )


def test_what_a_class_says_of_its_options_is_told_without_the_secret(tmp_path: Path) -> None:
    told = fault(tmp_path, MODEL + 'options.temperature = "warm"\noptions.seed = {env = "OPENAI_API_KEY"}')
    assert "models[0].model = 'openai:x': ChatOpenAI refuses it (temperature: " in told
    assert KEY not in told


def test_providers_are_those_of_init_chat_model_by_the_same_names() -> None:
    base = pytest.importorskip("langchain.chat_models.base")
    theirs = {name: (package.split(".")[0], cls) for name, (package, cls, _) in base._BUILTIN_PROVIDERS.items()}
    assert {name: theirs.get(name, entry) for name, entry in PROVIDERS.items()} == dict(PROVIDERS)


YAML = """\
profile: private
models:
  - model: openai:x
    tags: {local: true}
    options:
      api_key: {env: OPENAI_API_KEY}
profiles:
  private:
    local_only: true
"""


def test_the_file_of_the_documentation_is_right_and_shows_every_key(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    document = read_document(file(tmp_path, page.split("```toml\n")[1].split("```")[0]))
    check(document, checked(document, RouterFile))
    assert set(document.data) == set(RouterFile.model_fields)


def test_yaml_says_the_same_as_toml(tmp_path: Path) -> None:
    options = options_from_file(file(tmp_path, YAML, "router.yaml"), environ=ENVIRON)
    assert ScaffoldingRouterLLM(**options).explain("hi").names == ["x"]
    assert "router.yml:9: profiles.private.local_only = 'perhaps'" in fault(
        tmp_path, YAML.replace("local_only: true", "local_only: perhaps"), "router.yml"
    )
    twice = fault(tmp_path, YAML + "    local_only: false\n", "router.yaml")
    assert twice == "router.yaml:10: the key 'local_only' stands twice; remove one of them."
    assert "router.yaml:1: no valid YAML" in fault(tmp_path, "a: [", "router.yaml")
    assert "holds a list" in fault(tmp_path, "- a", "router.yaml")
    assert "no valid YAML" in fault(tmp_path, "a: !!python/object/apply:os.system [ls]", "router.yaml")


def test_a_file_that_cannot_be_read_is_one_error(tmp_path: Path) -> None:
    for path, told in (
        (tmp_path / "none.toml", "cannot be read .No such file"),
        (tmp_path, "ends in .toml"),
        (file(tmp_path, "", "router.ini"), "ends in .toml, .yaml, .yml"),
    ):
        with pytest.raises(ConfigurationError, match=told):
            options_from_file(path)
    (tmp_path / "latin.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        options_from_file(tmp_path / "latin.toml")


def test_the_schema_for_editors_knows_every_key() -> None:
    schema = json.loads(json.dumps(json_schema()))
    assert schema["additionalProperties"] is False
    assert set(schema["$defs"]["ScaffoldingConfig"]["properties"]) == set(ScaffoldingConfig.model_fields)
    assert {"local_only", "max_cost", "tasks"} <= set(schema["$defs"]["ProfileEntry"]["properties"])


def test_positions_survive_strings_comments_and_nested_values() -> None:
    text = '''# [no]
a."b.c" = """
[not.a.table]
x = 1
"""
list = [ # a comment with ]
  "]", 'x#y',
  { k = "}" },
]
[[models]]
[[models.parts]]
n = 1
[[models.parts]]
n = 2
[ "quoted key" . sub ]
z = \'\'\'
q = 1\'\'\'
'''
    lines = toml_lines(text)
    assert lines["a", "b.c"] == 2
    assert lines[("list",)] == 6
    assert lines["models", 0, "parts", 1, "n"] == 14
    assert lines["quoted key", "sub", "z"] == 16
    assert ("not",) not in lines
    assert ("q",) not in lines


keys = st.text(st.sampled_from("abcxyz_-"), min_size=1, max_size=5)
values = st.one_of(st.integers(), st.booleans(), st.text(st.sampled_from("ab#]}\"'\\ \n="), max_size=9))


@given(st.dictionaries(keys, st.dictionaries(keys, values, min_size=1, max_size=4), min_size=1, max_size=4))
def test_every_key_of_a_toml_text_is_found_on_its_line(tables: dict[str, dict[str, Any]]) -> None:
    written, where = [], {}
    for table, pairs in tables.items():
        written.append(f"[{table}]")
        for key, value in pairs.items():
            written.append(f"{key} = {json.dumps(value)}")
            where[table, key] = len(written)
    found = toml_lines("\n".join(written))
    assert {path: line for path, line in found.items() if len(path) == 2} == where


def test_lines_of_yaml_are_those_of_its_keys() -> None:
    assert yaml_lines("a:\n  b:\n    - c: 1\n", "x") == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "b", 0): 3,
        ("a", "b", 0, "c"): 3,
    }
