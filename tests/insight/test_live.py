"""The live view: what it is told, and what a real browser makes of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from langchain_scaffolding import ScaffoldingRouterLLM
from langchain_scaffolding.display.style import STYLE
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.insight import live, watch
from langchain_scaffolding.insight.live import Pulse, live_state
from langchain_scaffolding.testing import ScriptedChatModel, provider_error

EVIL = "<img src=x onerror=\"document.title='ran'\">"
BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")


def router(*script: Any, name: str = "m") -> ScaffoldingRouterLLM:
    return ScaffoldingRouterLLM(models=[ScriptedChatModel(*script, name=name)])


def test_S21_the_view_follows_calls_and_feedback_of_a_router() -> None:
    every = router("fine", provider_error("openai", status=401))
    view = watch(every, every_s=0)
    assert view.state["rows"] == []
    answer = every.invoke("hello", task="title")
    assert [(row["task"], row["model"], row["calls"]) for row in view.state["rows"]] == [("title", "m", 1)]
    every.record_feedback(answer, 0.5)
    assert view.state["rows"][0]["feedback_mean"] == 0.5
    every.invoke("hello", task="title")
    every.invoke("hello", task="fill", model="m")
    by_task = {row["task"]: row for row in view.state["rows"]}
    assert (by_task["title"]["errors"], by_task["title"]["left_alone"]) == (1, "left alone (auth)")
    view.close()
    calls = view.state["calls"]
    every.invoke("hello")
    assert view.state["calls"] == calls


def test_what_the_view_is_told_is_plain_and_holds_no_text_of_prompts() -> None:
    every = router("An answer of quinces")
    every.invoke("tangerine", task="title")
    told = json.dumps(live_state(every, 1, 20))
    assert "title" in told
    assert "tangerine" not in told
    assert "quinces" not in told


def test_many_rows_are_told_a_page_at_a_time() -> None:
    every = ScaffoldingRouterLLM(
        models=[ScriptedChatModel(name=f"m{n:02}") for n in range(45)],
    )
    for model in every.models:
        every.invoke("hello", model=model.name)
    view = watch(every, every_s=0)
    assert (view.state["page"], view.state["pages"], len(view.state["rows"])) == (1, 3, 20)
    view.page = 3
    assert [row["model"] for row in view.state["rows"]] == [f"m{n}" for n in range(40, 45)]
    view.page = 99
    assert view.state["page"] == 3
    view.close()


def test_many_changes_make_few_updates_and_the_last_one_is_never_left_out() -> None:
    pushed, last = 0, threading.Event()
    changes = 0

    def push() -> None:
        nonlocal pushed
        pushed += 1
        if changes == 1000:
            last.set()

    pulse = Pulse(push, 0.05)
    for _ in range(1000):
        changes += 1
        pulse.touch()
    assert last.wait(10)
    assert pushed < 500
    pulse.stop()


@pytest.mark.parametrize("options", [{"rows": 0}, {"every_s": -1}])
def test_a_view_that_cannot_be_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="at least"):
        watch(router(), **options)


def test_without_the_extra_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    live._view.cache_clear()
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(ImportError, match=r'pip install "langchain-scaffolding\[insight\]"'):
        watch(router())
    live._view.cache_clear()


PAGE = """<!doctype html><html data-theme="%s"><meta charset="utf-8"><title>quiet</title><style>%s</style>
<div><div id="view"></div></div><pre id="told"></pre>
<script type="module">
%s
const values = {state: %s, page: 1}, heard = {}, saved = [];
const model = {
  get: (name) => values[name],
  set: (name, value) => { values[name] = value; },
  save_changes: () => saved.push(values.page),
  on: (event, call) => { heard[event] = call; },
  off: () => {},
};
const el = document.getElementById("view");
render({model, el});
const first = el.innerText;
values.state = %s;
heard["change:state"]();
const fresh = [...el.querySelectorAll(".fresh")].length;
el.querySelectorAll("button")[1].click();
const colour = getComputedStyle(el).color;
document.getElementById("told").textContent =
  JSON.stringify({first, second: el.innerText, fresh, saved, images: el.querySelectorAll("img").length, colour});
</script>"""


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium: apt-get install chromium")
@pytest.mark.parametrize(("theme", "colour"), [("light", "rgb(31, 35, 40)"), ("dark", "rgb(230, 237, 243)")])
def test_S21_a_real_browser_shows_the_view_updates_it_and_runs_nothing_in_names(
    tmp_path: Path, theme: str, colour: str
) -> None:
    every = router(name=EVIL)
    every.invoke("hello", task="title")
    before = live_state(every, 1, 20)
    every.invoke("hello", task="title")
    after = {**live_state(every, 1, 20), "pages": 2}
    script = Path(live.__file__).with_name("live.js").read_text(encoding="utf-8")
    states = [json.dumps(state).replace("<", "\\u003c") for state in (before, after)]
    file = tmp_path / "page.html"
    file.write_text(PAGE % (theme, STYLE, script, *states), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--dump-dom"]
    run = subprocess.run(
        [str(BROWSER), *options, file.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "<title>quiet</title>" in run.stdout
    inside = run.stdout.split('<pre id="told">')[1].split("</pre>")[0]
    told = json.loads(inside.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert "1 call, 0 failed attempts" in told["first"]
    assert "2 calls, 0 failed attempts" in told["second"]
    assert EVIL in told["second"]
    assert "page 1 of 2" in told["second"]
    assert (told["fresh"], told["saved"], told["images"]) == (1, [2], 0)
    assert told["colour"] == colour
