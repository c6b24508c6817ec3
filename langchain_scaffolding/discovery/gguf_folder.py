"""Models that lie as GGUF files in a folder."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from langchain_scaffolding.candidates import Candidate, Capability, ModelTags
from langchain_scaffolding.discovery.base import Discovery, SourceUnavailableError
from langchain_scaffolding.discovery.gguf import GGUFError, GGUFHeader, read_gguf, split_part
from langchain_scaffolding.discovery.gguf_model import GGUFChatModel, Loading
from langchain_scaffolding.discovery.guessed import guessed_capabilities
from langchain_scaffolding.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.language_models import BaseChatModel

FOLDER: Final = "LANGCHAIN_SCAFFOLDING_MODELS"
"""The environment variable that names the folder of the default source."""

_DEEPEST: Final = 8
_MOST_FILES: Final = 1000
_MOST_FOLDERS: Final = 5000  # a second's walk; whoever names a whole disk is told
_CONTEXT: Final = 4096  # tokens, as the engine's own default
_ENGINES: Final = ("xllamacpp", "llama_cpp")  # the first that is installed loads the files
_NO_MODELS: Final = {"adapter": "an adapter", "mmproj": "a vision projector", "imatrix": "an importance matrix"}

LoadModel: TypeAlias = Callable[[Path], "BaseChatModel"]
_State: TypeAlias = tuple[str, int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class GGUFFolderSource:
    """The models that lie as GGUF files in a folder and the folders in it, or one such file.

    They are called by the embedded engine (extra `local`) or, where that is not installed, by llama-cpp-python (extra
    `llama-cpp`), one call of a model at a time. Only headers are read, some 30 ms for each file that is new. A model is
    loaded into memory when it is called first, and stays there as long as this source and its candidates. A model split
    over several files counts once, under its first part. A file that cannot be used is one line among the troubles.

    Args:
        folder: The folder, or the file; by default `LANGCHAIN_SCAFFOLDING_MODELS`, else where `models get` keeps its
            weights.
        name: What the source is called in reports.
        n_ctx: Tokens of prompt and answer together that one call may take; at most what a model was trained with.
        n_threads: Threads that compute, as for `langchain_scaffolding.local.engine.LocalServer`.
        tags: What you know of a model by its name; it stands before what the file says and what is guessed.
        options: Passed to the chat model: `temperature`, `timeout` and so on.
        load_model: Makes a chat model of a file, instead of an engine.

    Raises:
        ConfigurationError: `n_ctx` or `n_threads` is less than 1.

    Example:
        >>> GGUFFolderSource(folder="models", n_ctx=8192).name
        'gguf'
    """

    folder: str | os.PathLike[str] | None = None
    name: str = "gguf"
    n_ctx: int = _CONTEXT
    n_threads: int | None = None
    tags: Mapping[str, ModelTags] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    load_model: LoadModel | None = field(default=None, repr=False)
    _known: dict[_State, Candidate | str] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Check the numbers."""
        for option, value in (("n_ctx", self.n_ctx), ("n_threads", self.n_threads)):
            if value is not None and value < 1:
                raise ConfigurationError(f"{option}={value!r} is out of range: give a whole number of at least 1.")

    def discover(self) -> Discovery:
        """The models that lie there now.

        Raises:
            SourceUnavailableError: There is no such folder, it cannot be read, or no engine is installed.
        """
        folder = _default_folder(os.environ) if self.folder is None else Path(self.folder).expanduser()
        troubles: list[tuple[str, str]] = []
        files = sorted(_files(folder, troubles, self.name))
        if files and self.load_model is None and not any(map(find_spec, _ENGINES)):
            msg = (
                f'{len(files)} GGUF files lie in {folder}: pip install "langchain-scaffolding[local]" to call them, or '
                '"langchain-scaffolding[llama-cpp]", which compiles llama-cpp-python for minutes'
            )
            raise SourceUnavailableError(msg)
        known: dict[_State, Candidate | str] = {}
        candidates: dict[str, Candidate] = {}
        for file, state in files:
            found = self._known.get(state)
            found = known[state] = self._candidate(file) if found is None else found
            if isinstance(found, str):
                troubles.append((self.name, found))
            elif found.name in candidates:
                troubles.append((self.name, f"{file}: another file of this name was found before; rename one"))
            else:
                candidates[found.name] = _with_state(found)
        self._known.clear()
        self._known.update(known)
        return Discovery(candidates=tuple(candidates.values()), troubles=tuple(troubles))

    def _candidate(self, file: Path) -> Candidate | str:
        """What is made of a file, or why it is no candidate."""
        try:
            header = read_gguf(file)
        except GGUFError as error:
            return str(error)
        kind = "mmproj" if header.architecture == "clip" else header.model_type
        if kind in _NO_MODELS:
            return f"{file}: it is {_NO_MODELS[kind]}, no model."
        if header.is_embedding:
            return f"{file}: it writes no text (an embedding model)."
        name = _name(file)
        tags = _tags(header, self.name, self.n_ctx)
        load = partial(self._load, header) if self.load_model is None else partial(self.load_model, file)
        model = GGUFChatModel(path=str(file), loading=Loading(load))
        return Candidate(name=name, model=model, tags=self.tags[name].or_else(tags) if name in self.tags else tags)

    def _load(self, header: GGUFHeader) -> BaseChatModel:
        # by their names: the engine's room stands above this one, since it reads the headers of its files from here
        if find_spec("xllamacpp") is not None:
            engine = import_module("langchain_scaffolding.local.engine")
            server = engine.LocalServer(
                header.path, name=_name(header.path), n_ctx=self.n_ctx, n_threads=self.n_threads
            )
            model: BaseChatModel = server.chat_model(**self.options)
            return model
        from langchain_scaffolding.discovery.llama_cpp import load_llama_cpp

        threads = self.n_threads
        if threads is None:
            threads = import_module("langchain_scaffolding.local.threads").engine_threads()
        return load_llama_cpp(header.path, n_ctx=_context(header, self.n_ctx), n_threads=threads, **self.options)


def _default_folder(environ: Mapping[str, str]) -> Path:
    if environ.get(FOLDER):
        return Path(environ[FOLDER]).expanduser()
    folder: Path = import_module("langchain_scaffolding.local.weights").cache_folder()
    return folder


def _files(folder: Path, troubles: list[tuple[str, str]], source: str) -> Iterator[tuple[Path, _State]]:
    """Each first or only part once, however many links lead to it, with what tells whether it has changed.

    Raises:
        SourceUnavailableError: The folder itself cannot be read.
    """
    seen: set[tuple[int, int]] = set()
    count = 0
    for file in [folder] if folder.is_file() else _walk(folder, troubles, source):
        part = split_part(file)
        if part is not None and part[0] > 1:
            continue
        try:
            status = file.stat()
        except OSError as error:
            troubles.append((source, f"{file}: cannot be read ({error.strerror})."))
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        count += 1
        if count > _MOST_FILES:
            troubles.append((source, f"{folder} holds more than {_MOST_FILES:,} models; the others are left out"))
            return
        yield file, _state(file, status)


def _state(file: Path, status: os.stat_result) -> _State:
    """What tells whether a model has changed, over all its parts."""
    part = split_part(file)
    if part is None:
        return str(file), status.st_size, status.st_mtime_ns
    pattern = f"{glob.escape(_name(file))}-?????-of-{part[1]:05}.gguf"
    parts = [other.stat() for other in file.parent.glob(pattern) if other.exists()]
    return str(file), sum(each.st_size for each in parts), max(each.st_mtime_ns for each in parts)


def _walk(folder: Path, troubles: list[tuple[str, str]], source: str) -> Iterator[Path]:
    entered: set[tuple[int, int]] = set()  # a link may lead back to where it lies
    waiting = [(folder, 0)]
    while waiting:
        here, depth = waiting.pop()
        try:
            status = here.stat()
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as error:
            why = f"{here}: cannot be read ({error.strerror})."
            if depth == 0:
                raise SourceUnavailableError(why) from None
            troubles.append((source, why))
            continue
        if (status.st_dev, status.st_ino) in entered:
            continue
        entered.add((status.st_dev, status.st_ino))
        if len(entered) > _MOST_FOLDERS:
            troubles.append((source, f"{folder} holds more than {_MOST_FOLDERS:,} folders; the others are left out"))
            return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                waiting += [(Path(entry.path), depth + 1)] if depth < _DEEPEST else []
            elif entry.name.lower().endswith(".gguf"):
                yield Path(entry.path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links that lead to one another
        return False


def _name(file: Path) -> str:
    """What a model is called: its file's name, without the number of its part."""
    part = split_part(file)
    return file.stem if part is None else file.stem.removesuffix(f"-{part[0]:05}-of-{part[1]:05}")


def _context(header: GGUFHeader, n_ctx: int) -> int:
    return min(n_ctx, header.context_length or n_ctx)


def _tags(header: GGUFHeader, source: str, n_ctx: int) -> ModelTags:
    # the engine holds any model to a JSON schema by a grammar, and loads no vision projector
    chat = {str(Capability.CHAT), str(Capability.STRUCTURED_OUTPUT)} if header.chat_template else set()
    guessed = [name for name in guessed_capabilities(header.template, header.name) if name != Capability.VISION]
    facts = {
        "source": source,
        "path": str(header.path),
        "family": header.architecture,
        "parameters": header.parameters,
        "active_parameters": header.active_parameters,
        "trained_context_length": header.context_length,
        "licence": header.licence,
        "guessed": guessed or None,
    }
    return ModelTags(
        size_gb=header.size_gb,
        quantization=header.quantization,
        context_length=_context(header, n_ctx),
        capabilities=frozenset(chat),
        local=True,
        extra={key: fact for key, fact in facts.items() if fact is not None},
    )


def _with_state(candidate: Candidate) -> Candidate:
    """The candidate with whether it is in memory now."""
    model = candidate.model
    loaded = isinstance(model, GGUFChatModel) and model.is_loaded
    extra = {**candidate.tags.extra, "loaded": loaded}
    return Candidate(name=candidate.name, model=model, tags=candidate.tags.model_copy(update={"extra": extra}))
