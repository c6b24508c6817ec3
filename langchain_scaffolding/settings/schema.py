"""What a settings file may hold, and what is said of one that holds something else."""

# Annotations are evaluated: pydantic reads them.

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator, model_validator

from langchain_scaffolding.candidates import ModelTags
from langchain_scaffolding.config import Constraints, RoutingProfile, ScaffoldingConfig, TaskPreferences
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.settings.document import Document
from langchain_scaffolding.settings.positions import KeyPath

_M = TypeVar("_M", bound=BaseModel)


class EnvReference(BaseModel):
    """The value of an environment variable, such as `{env = "OPENAI_API_KEY"}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env: str = Field(min_length=1)


class Tags(BaseModel):
    """What is known of a model; what is left out is taken from the model itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size_gb: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    capabilities: list[str] | None = None
    quantization: str | None = None
    context_length: int | None = Field(default=None, gt=0)
    local: bool | None = None
    cost: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    extra: dict[str, JsonValue] = Field(default_factory=dict)

    def as_tags(self) -> ModelTags:
        """The tags of a candidate."""
        cost = {} if self.cost is None else {"cost": self.cost}
        given = self.model_dump(exclude={"cost", "extra"}, exclude_none=True)
        return ModelTags(**given, extra={**self.extra, **cost})


class ModelEntry(BaseModel):
    """One model: `model` of a provider, or a `gguf` file for the embedded engine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = Field(default=None, pattern=r"^[a-z_]+:\S+$", description='Such as "openai:gpt-5-mini".')
    gguf: str | None = Field(default=None, min_length=1, description="A file, from the folder of this file on.")
    name: str | None = Field(default=None, min_length=1, description="What the model is called; default its own name.")
    tags: Tags = Tags()
    options: dict[str, JsonValue] = Field(default_factory=dict, description="What the model's class takes.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.model is None) == (self.gguf is None):
            msg = 'give one of the two: model = "provider:name" or gguf = "file.gguf"'
            raise ValueError(msg)
        return self


class ProfileEntry(Constraints):
    """A profile; its name is its key."""

    tasks: dict[str, TaskPreferences] = Field(default_factory=dict)


class ProfilesPart(BaseModel):
    """The part of a file that says what is permitted, and that is read anew when the file changes."""

    model_config = ConfigDict(frozen=True)

    profile: str | None = Field(default=None, description="The profile that holds for every call.")
    tasks: dict[str, TaskPreferences] = Field(default_factory=dict, description="Of all calls of a task.")
    profiles: dict[str, ProfileEntry] = Field(default_factory=dict, description="Those that calls may choose.")

    @field_validator("tasks", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return {name: {} for name in value} if isinstance(value, list) else value

    def named(self, name: str) -> RoutingProfile:
        """The profile of a key."""
        entry = self.profiles[name]
        return RoutingProfile(name=name, **entry.model_dump(exclude_unset=True))


class RouterFile(ProfilesPart):
    """A whole router: models, limits, tasks and profiles."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="langchain-scaffolding router")

    policy: str = "greedy"
    scorers: Literal["default", "recommended"] = Field(
        default="default", description="Recommended: also prefer a model that is in memory already."
    )
    store: str | EnvReference | None = Field(default=None, description='Where outcomes are kept: "sqlite:///file.db".')
    discover: bool | list[str] = Field(default=False, description="All sources of models, or those named.")
    discover_every_s: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="Look again in the background after so many seconds."
    )
    config: ScaffoldingConfig = Field(default_factory=ScaffoldingConfig)
    models: list[ModelEntry] = Field(default_factory=list)


def checked(document: Document, model: type[_M]) -> _M:
    """What a document holds, as a model.

    Raises:
        ConfigurationError: It holds something else; each line names the file, line, key and value, and what is allowed.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        lines = dict(_faults(document, model, error))
        raise ConfigurationError("\n".join(document.fault_line(at, why) for at, why in lines.items())) from None


def _faults(document: Document, model: type[BaseModel], error: ValidationError) -> Iterator[tuple[KeyPath, str]]:
    found: dict[KeyPath, list[str]] = {}
    for each in error.errors():
        at = _known_part(document.data, each["loc"])
        why = each["msg"].removeprefix("Value error, ").removeprefix("Input ")
        if each["type"] == "extra_forbidden":
            why = _unknown_key(str(each["loc"][-1]), fields_at(model, each["loc"][:-1]))
        elif each["type"] == "string_pattern_mismatch":
            why = 'should be "provider:model", such as "openai:gpt-5-mini"'
        if why not in found.setdefault(at, []):
            found[at].append(why)
    for at, reasons in sorted(found.items(), key=lambda fault: document.line_of(fault[0]) or 0):
        yield at, " or ".join(reasons).rstrip(".") + "."


def _known_part(data: Any, location: tuple[int | str, ...]) -> KeyPath:
    """The part of pydantic's location that stands in the data: it also names members of unions."""
    at: KeyPath = ()
    for key in location:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            break
        at = (*at, key)
    return at


def _unknown_key(name: str, allowed: list[str]) -> str:
    close = get_close_matches(name, allowed, n=1)
    hint = f" did you mean {close[0]!r}?" if close else ""
    return f"unknown key{';' if hint else ''}{hint} Allowed are {', '.join(allowed)}"


def fields_at(model: Any, location: tuple[int | str, ...]) -> list[str]:
    """The keys that are allowed at a location.

    Example:
        >>> fields_at(RouterFile, ("models", 0, "tags"))[:3]
        ['size_gb', 'capabilities', 'quantization']
    """
    for key in location:
        if isinstance(model, type) and issubclass(model, BaseModel) and key in model.model_fields:
            model = _inner(model.model_fields[str(key)].annotation)
        else:
            model = _inner((get_args(model) or (None,))[-1])
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def _inner(annotation: Any) -> Any:
    """An annotation without `Annotated` and `| None`."""
    if get_origin(annotation) is Annotated:
        return _inner(get_args(annotation)[0])
    rest = [each for each in get_args(annotation) if each is not type(None)]
    return _inner(rest[0]) if type(None) in get_args(annotation) and rest else annotation


def json_schema() -> dict[str, Any]:
    """The JSON schema of a router file, for editors.

    Example:
        >>> sorted(json_schema()["properties"])[:5]
        ['config', 'discover', 'discover_every_s', 'models', 'policy']
    """
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **RouterFile.model_json_schema()}
