"""Models that lie in folders: what is there is found, what is broken is told, nothing is loaded before it is called."""

from __future__ import annotations

import asyncio
import errno
import os
import struct
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from langchain_scaffolding import ModelTags, ScaffoldingRouterLLM
from langchain_scaffolding.discovery import GGUFFolderSource, SourceUnavailableError, default_sources, discover
from langchain_scaffolding.discovery.gguf_model import GGUFChatModel, Loading
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.testing import ScriptedChatModel
from tests.local.tiny_gguf import write_tiny_gguf
from tests.paths import PATHS, call, routing

if TYPE_CHECKING:
    from langchain_scaffolding.discovery import Discovery


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_tiny_gguf(tmp_path_factory.mktemp("one") / "tiny.gguf").read_bytes()


@pytest.fixture
def folder(tmp_path: Path, tiny: bytes) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny.gguf").write_bytes(tiny)
    return tmp_path / "models"


class Loader:
    """Loads scripted models, and remembers of which files."""

    def __init__(self) -> None:
        self.loaded: list[str] = []

    def __call__(self, file: Path) -> ScriptedChatModel:
        self.loaded.append(file.name)
        return ScriptedChatModel(f"from {file.stem}")


def names(found: Discovery) -> list[str]:
    return [candidate.name for candidate in found]


def test_a_file_says_what_its_model_is(folder: Path, tiny: bytes) -> None:
    (candidate,) = GGUFFolderSource(folder=folder, load_model=Loader()).discover()
    assert candidate.name == "tiny"
    assert candidate.tags.size_gb == len(tiny) / 1e9
    assert (candidate.tags.quantization, candidate.tags.context_length, candidate.tags.local) == ("F16", 2048, True)
    assert candidate.tags.capabilities == {"CHAT", "STRUCTURED_OUTPUT"}
    assert candidate.tags.extra["path"] == str(folder / "tiny.gguf")
    assert candidate.tags.extra["loaded"] is False


@pytest.mark.parametrize("path", PATHS)
def test_a_model_is_loaded_when_it_is_called_and_only_once(folder: Path, path: str) -> None:
    load = Loader()
    source = GGUFFolderSource(folder=folder, load_model=load)
    router = ScaffoldingRouterLLM.from_discovery([source])
    router.explain("hello")
    assert load.loaded == []
    message = call(router, path)
    assert (message.content, routing(message)["model"], routing(message)["source"]) == ("from tiny", "tiny", "llm")
    call(router, path)
    assert load.loaded == ["tiny.gguf"]
    (again,) = source.discover()
    assert again.tags.extra["loaded"] is True
    assert again.model is router.models[0].model


def test_calls_that_come_at_once_load_one_model() -> None:
    begun, loaded = threading.Barrier(4, timeout=10), []

    def load() -> ScriptedChatModel:
        loaded.append(1)
        return ScriptedChatModel("hi")

    model = GGUFChatModel(path="m.gguf", loading=Loading(load))

    def ask() -> None:
        begun.wait()
        model.invoke("hello")

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loaded == [1]


def test_a_model_whose_server_has_ended_is_loaded_again() -> None:
    class Server:
        running = True

    class Served(ScriptedChatModel):
        server: Any = None

    servers = [Server(), Server()]
    left = iter(servers)
    model = GGUFChatModel(path="m.gguf", loading=Loading(lambda: Served("hi", server=next(left))))
    model.invoke("hello")
    servers[0].running = False
    assert not model.is_loaded
    assert asyncio.run(model.ainvoke("hello")).content == "hi"
    assert model.is_loaded


def test_what_is_broken_is_a_line_each_and_the_rest_is_found(folder: Path, tiny: bytes) -> None:
    (folder / "empty.gguf").touch()
    (folder / "cut.gguf").write_bytes(tiny[:1000])
    (folder / "absurd.gguf").write_bytes(struct.pack("<4sIQQ", b"GGUF", 3, 1 << 60, 1 << 60))
    (folder / "page.gguf").write_bytes(b"<html>")
    (folder / "gone.gguf").symlink_to(folder / "nowhere.gguf")
    (folder / "notes.txt").write_text("no model")
    os.mkfifo(folder / "pipe.gguf")
    found = GGUFFolderSource(folder=folder, load_model=Loader()).discover()
    assert names(found) == ["tiny"]
    reasons = {Path(reason.partition(":")[0]).name: reason for _, reason in found.troubles}
    assert reasons.keys() == {"empty.gguf", "cut.gguf", "absurd.gguf", "page.gguf", "gone.gguf", "pipe.gguf"}
    assert "is empty" in reasons["empty.gguf"]
    assert "which is absurd" in reasons["absurd.gguf"]
    assert "No such file" in reasons["gone.gguf"]
    assert not any("\n" in reason for reason in reasons.values())


def test_links_that_lead_in_circles_end(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "back").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    (folder / "loop.gguf").symlink_to(folder / "loop.gguf")
    (folder / "deep" / "same.gguf").symlink_to(folder / "tiny.gguf")
    found = GGUFFolderSource(folder=folder, load_model=Loader()).discover()
    assert names(found) in (["tiny"], ["same"])
    ((_, reason),) = found.troubles
    assert reason == f"{folder / 'loop.gguf'}: cannot be read (Too many levels of symbolic links)."


def test_a_walk_over_a_whole_disk_ends(folder: Path) -> None:
    for number in range(5_001):
        (folder / f"{number:04}").mkdir()
    (trouble,) = GGUFFolderSource(folder=folder, load_model=Loader()).discover().troubles
    assert trouble[1].endswith("holds more than 5,000 folders; the others are left out")


def test_a_split_model_counts_once(folder: Path, tmp_path: Path) -> None:
    import gguf
    import numpy as np

    writer = gguf.GGUFWriter(folder / "big.gguf", "llama", split_max_tensors=1)
    writer.add_context_length(2048)
    for number in range(3):
        writer.add_tensor(f"blk.{number}.attn_q.weight", np.zeros((32, 32), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert (folder / "big-00003-of-00003.gguf").exists()
    source = GGUFFolderSource(folder=folder, load_model=Loader())
    found = source.discover()
    assert names(found) == ["big", "tiny"]
    assert found.candidates[0].tags.extra["parameters"] == 3 * 32 * 32
    assert found.candidates[0].tags.capabilities == frozenset()  # it has no chat template
    (folder / "big-00002-of-00003.gguf").unlink()
    found = source.discover()
    assert names(found) == ["tiny"]
    assert "big-00002-of-00003.gguf: cannot be read (No such file or directory)" in found.troubles[0][1]


def test_two_files_of_one_name_are_told(folder: Path, tiny: bytes) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "tiny.gguf").write_bytes(tiny)
    found = GGUFFolderSource(folder=folder, load_model=Loader()).discover()
    assert names(found) == ["tiny"]
    assert found.troubles[0][1].endswith("another file of this name was found before; rename one")


def test_files_that_are_no_models_are_told(folder: Path) -> None:
    import gguf

    for name, architecture, kind in (("mmproj-a", "clip", "mmproj"), ("lora", "llama", "adapter")):
        writer = gguf.GGUFWriter(folder / f"{name}.gguf", architecture)
        writer.add_type(kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    found = GGUFFolderSource(folder=folder, load_model=Loader()).discover()
    assert names(found) == ["tiny"]
    assert [reason.partition(": ")[2] for _, reason in found.troubles] == [
        "it is an adapter, no model.",
        "it is a vision projector, no model.",
    ]


def test_what_the_user_knows_stands_before_what_the_file_says(folder: Path) -> None:
    known = {"tiny": ModelTags(capabilities={"CHAT", "TOOLS"}, context_length=100)}
    (candidate,) = GGUFFolderSource(folder=folder, load_model=Loader(), tags=known).discover()
    assert candidate.has("TOOLS")
    assert (candidate.tags.context_length, candidate.tags.quantization) == (100, "F16")


def test_a_header_is_read_again_only_when_the_file_has_changed(folder: Path, tiny: bytes) -> None:
    source = GGUFFolderSource(folder=folder, load_model=Loader())
    (first,) = source.discover()
    (second,) = source.discover()
    assert second.model is first.model
    (folder / "tiny.gguf").write_bytes(tiny + b"\0" * 32)
    (third,) = source.discover()
    assert third.model is not first.model
    (folder / "tiny.gguf").unlink()
    assert names(source.discover()) == []


def test_one_file_may_stand_for_the_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no model")
    whole, file = GGUFFolderSource(folder=folder).discover(), GGUFFolderSource(folder=folder / "tiny.gguf").discover()
    assert [each.tags for each in file] == [each.tags for each in whole if each.name == "tiny"]
    (trouble,) = GGUFFolderSource(folder=tmp_path / "notes.txt").discover().troubles
    assert "is no GGUF file" in trouble[1]


def test_a_folder_that_is_not_there_is_a_reason(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailableError, match=r"nowhere: cannot be read \(No such file or directory\)"):
        GGUFFolderSource(folder=tmp_path / "nowhere").discover()


def test_what_may_not_be_read_is_a_line_each(folder: Path, tiny: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    private, secret = folder / "private", folder / "secret.gguf"
    private.mkdir(mode=0)
    secret.write_bytes(tiny)
    secret.chmod(0)
    if os.geteuid() == 0:  # root may read everything
        scandir, open_file = os.scandir, Path.open
        monkeypatch.setattr(os, "scandir", lambda at: refuse(at) if at == private else scandir(at))
        monkeypatch.setattr(Path, "open", lambda at, *mode: refuse(at) if at == secret else open_file(at, *mode))
    found = GGUFFolderSource(folder=folder, load_model=Loader()).discover()
    assert names(found) == ["tiny"]
    assert set(found.troubles) == {
        ("gguf", f"{private}: cannot be read (Permission denied)."),
        ("gguf", f"{secret}: cannot be read (Permission denied)."),
    }


def refuse(path: Path) -> Any:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def test_the_default_source_looks_where_the_environment_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (by_argument,) = (
        source
        for source in default_sources(environ={"LANGCHAIN_SCAFFOLDING_MODELS": str(folder)})
        if source.name == "gguf"
    )
    assert names(discover([by_argument])) == ["tiny"]
    monkeypatch.delenv("LANGCHAIN_SCAFFOLDING_MODELS", raising=False)
    monkeypatch.setenv("LANGCHAIN_SCAFFOLDING_CACHE", str(folder))
    assert names(GGUFFolderSource().discover()) == ["tiny"]
    monkeypatch.setenv("LANGCHAIN_SCAFFOLDING_MODELS", str(folder / "nowhere"))
    with pytest.raises(SourceUnavailableError, match="nowhere"):
        GGUFFolderSource().discover()


@pytest.mark.parametrize("option", ["n_ctx", "n_threads"])
def test_a_context_or_threads_of_nothing_are_refused(option: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{option}=0 is out of range"):
        GGUFFolderSource(folder=".", **{option: 0})
