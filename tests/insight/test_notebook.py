"""The live view and an explanation in a real JupyterLab, in a real headless browser."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
MISSING = [name for name in ("selenium", "jupyterlab", "ipykernel", "anywidget") if not importlib.util.find_spec(name)]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.enable_socket,
    pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"]),
    pytest.mark.skipif(
        bool(MISSING) or BROWSER is None or DRIVER is None,
        reason=f"needs Chromium with its driver, and packages; missing here: {', '.join(MISSING) or 'the browser'}",
    ),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

CALLS = 60
CELLS = (
    """from langchain_scaffolding import ScaffoldingRouterLLM
from langchain_scaffolding.insight import watch
from langchain_scaffolding.testing import Reply, ScriptedChatModel
EVIL = "<img src=x onerror=\\"document.title='ran'\\">"
router = ScaffoldingRouterLLM(models=[ScriptedChatModel(Reply("fine", delay_s=0.1), name=EVIL)])
watch(router, every_s=0.2)""",
    f"""for _ in range({CALLS}):
    router.invoke("hello", task="title")
"all done\"""",
    'router.explain("hello", task="title")',
)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """The address of a notebook with these cells, in a JupyterLab of its own."""
    cells = [
        {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None, "id": f"c{n}"}
        for n, source in enumerate(CELLS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "live.ipynb").write_text(json.dumps(book), encoding="utf-8")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": here, "JUPYTER_CONFIG_DIR": str(tmp_path), "HOME": str(tmp_path)}
    options = ["--allow-root", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token="]
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options, f"--ServerApp.root_dir={tmp_path}"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    for line in server.stderr:
        if "Use Control-C" in line or "is running at" in line:
            break
    # whoever stops reading makes the server wait
    drain = subprocess.Popen(["cat"], stdin=server.stderr, stdout=subprocess.DEVNULL)
    yield f"http://127.0.0.1:{port}/lab/tree/live.ipynb?reset"
    for process in (server, drain):
        process.terminate()
        process.wait(20)
    server.stderr.close()


@pytest.fixture
def browser() -> Iterator[Any]:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1300,1000"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    yield driver
    driver.quit()


def test_S21_the_view_follows_a_router_in_a_notebook_while_a_cell_runs(lab: str, browser: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    def look() -> tuple[int, list[str]]:
        """How many calls the view tells of, and the prompts of the cells."""
        head, prompts = browser.execute_script(
            "return [document.querySelector('.lcs .head')?.innerText ?? '', "
            "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(each => each.innerText)]"
        )
        found = re.search(r"(\d+) calls?,", head)
        return (int(found[1]) if found else -1), prompts

    def run_cell() -> None:
        ActionChains(browser).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()

    wait = WebDriverWait(browser, 90, poll_frequency=0.1)
    browser.get(lab)
    wait.until(lambda _: len(look()[1]) >= 3)
    wait.until(lambda _: "Idle" in browser.find_element("tag name", "body").text)
    browser.find_elements("css selector", ".jp-CodeCell .cm-content")[0].click()
    run_cell()
    wait.until(lambda _: look()[0] == 0)
    run_cell()
    wait.until(lambda _: 0 < look()[0] < CALLS and "[*]:" in look()[1])
    wait.until(lambda _: look()[0] == CALLS)
    run_cell()
    wait.until(lambda _: len(browser.find_elements("css selector", ".lcs")) == 2)
    live, explained = browser.find_elements("css selector", ".lcs")
    for shown in (live, explained):
        assert "<img src=x" in shown.text
        assert shown.find_elements("css selector", "img") == []
    assert browser.title != "ran"
    (header, *_) = explained.find_elements("css selector", "th:nth-child(2)")
    assert header.value_of_css_property("text-align") == "left"
