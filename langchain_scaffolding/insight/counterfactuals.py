"""What would have to change for another model to win, found by asking the code that serves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from langchain_scaffolding.insight.thresholds import context_bounds, latency_bound
from langchain_scaffolding.insight.worlds import SupposedLatency, SupposedPoints, Worlds, first
from langchain_scaffolding.scorers import default_scorers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from langchain_scaffolding.config import ScaffoldingConfig
    from langchain_scaffolding.insight.worlds import Router
    from langchain_scaffolding.ranking import Ranking
    from langchain_scaffolding.request import RouteRequest

_SIZES: Final = ("small", "medium", "large")
_NEEDS: Final = {"tools": "tools", "structured_output": "a schema", "images": "an image"}
_RUNNERS_UP: Final = 3
_MS: Final = 1000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Counterfactual:
    """A change that makes another model win.

    Attributes:
        winner: The model that would be called first; `None` if none could serve, and the last resort would answer.
        condition: The change as the end of a sentence.
        options: Options of the router that differ: `router.model_copy(update=options)` has them.
        request: The request that differs; `None` if it is the same.
    """

    winner: str | None
    condition: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    request: RouteRequest | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """The whole sentence."""
        who = "the last resort answers" if self.winner is None else f"`{self.winner}` wins"
        return f"{who} if {self.condition}"


def counterfactuals(router: Router, ranking: Ranking) -> list[Counterfactual]:
    """What would have to change for another model to win: deadline, sizes, capabilities, profiles, length, latency.

    Every one was found by ranking the request anew, as a call would be, on the router or on a copy with another option;
    none changes the router, calls a model or teaches anything. One change at a time is tried, so what only several
    changes together would bring about is not found.

    Args:
        router: The router that made the ranking.
        ranking: What `router.explain` gave.

    Example:
        >>> from langchain_scaffolding import ScaffoldingRouterLLM
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> small = ScriptedChatModel(name="small", metadata={"size_gb": 1.5, "context_length": 4096})
        >>> big = ScriptedChatModel(name="big", metadata={"size_gb": 40})
        >>> router = ScaffoldingRouterLLM(models=[small, big])
        >>> for each in counterfactuals(router, router.explain("A title for: ...", task="title")):
        ...     print(each)
        `big` wins if the input has more than ~4,096 tokens (now ~8)
        `big` wins if `preferred_model_size` is 'large' (now 'small')
        `big` wins if it earns over 3 points more
        `big` wins if `small` is not there
    """
    worlds = Worlds(router, ranking.request)
    now = first(ranking)
    found: list[Counterfactual] = []
    for look in _LOOKS:
        found += look(worlds, ranking, now)
    return found


def _with(
    worlds: Worlds, now: str | None, condition: str, options: Mapping[str, Any], ignored: str | None = ""
) -> Iterator[Counterfactual]:
    """The change of options, if it makes another model win."""
    winner = worlds.winner(options)
    if winner not in {now, ignored}:
        yield Counterfactual(winner=winner, condition=condition, options=options)


def _for(worlds: Worlds, now: str | None, condition: str, request: RouteRequest) -> Iterator[Counterfactual]:
    """The change of the request, if it makes another model win."""
    winner = worlds.winner(request=request)
    if winner != now:
        yield Counterfactual(winner=winner, condition=condition, request=request)


def _by_deadline(worlds: Worlds, ranking: Ranking, now: str | None) -> Iterator[Counterfactual]:
    """The first by points is of no use where it usually takes longer than it may."""
    config = worlds.router.config
    limits = {name: getattr(config, name) for name in ("max_response_time_ms", "attempt_timeout_ms")}
    limit = min((each for each in limits.values() if each is not None), default=None)
    usual = None if now is None else ranking.performance.latency_mean_s(ranking.request.task, now)
    if limit is None or usual is None or usual * _MS < limit:
        return
    longer = {name: max(each, usual * _MS * 1.1) for name, each in limits.items() if each is not None}
    condition = f"the deadline is above {usual:.3g} s, its mean (now {limit / _MS:g} s)"
    yield Counterfactual(winner=now, condition=condition, options={"config": _config(worlds, **longer)})


def _by_length(worlds: Worlds, ranking: Ranking, now: str | None) -> Iterator[Counterfactual]:
    """Longer and shorter inputs, up to where another model wins."""
    tokens = ranking.request.input_tokens
    told: set[str | None] = {now}
    bounds = context_bounds(worlds.router)
    for bound in sorted(bound for bound in bounds if bound >= tokens):
        request = replace(worlds.request, input_tokens=bound + 1)
        winner = worlds.winner(request=request)
        if winner not in told:
            told.add(winner)
            condition = f"the input has more than ~{bound:,} tokens (now ~{tokens:,})"
            yield Counterfactual(winner=winner, condition=condition, request=request)
    # how many tokens of the input are images, which cannot be shortened, is not known
    shorter = () if ranking.request.needs.images else (bound for bound in bounds if bound < tokens)
    for bound in sorted(shorter, reverse=True):
        request = replace(worlds.request, input_tokens=bound)
        winner = worlds.winner(request=request)
        if winner not in told:
            told.add(winner)
            condition = f"the input has at most ~{bound:,} tokens (now ~{tokens:,})"
            yield Counterfactual(winner=winner, condition=condition, request=request)


def _by_latency(worlds: Worlds, ranking: Ranking, now: str | None) -> Iterator[Counterfactual]:
    """Other models being faster, or the winner being slower."""
    if now is None:
        return
    task, tracker = ranking.request.task, worlds.router.performance
    supposed = SupposedLatency(tracker, task)
    copy = Worlds(worlds.router.model_copy(update={"performance": supposed}), worlds.request)
    if copy.winner() != now:
        return  # a copy begins without the choices made before, on which alone the winner rests

    def wins(model: str, seconds: float) -> str | None:
        supposed.model, supposed.seconds = model, seconds
        return copy.winner()

    for name in ranking.names[1 : 1 + _RUNNERS_UP]:
        bound = latency_bound(lambda seconds, name=name: wins(name, seconds) == name)  # type: ignore[misc]
        known = tracker.latency_mean_s(task, name)
        if bound is not None and (known is None or known >= bound):
            usual = "not measured yet" if known is None else f"now {known:.3g} s"
            condition = f"it answers in less than {bound:.3g} s on average ({usual})"
            yield Counterfactual(winner=name, condition=condition)
    bound = latency_bound(lambda seconds: wins(now, seconds) == now)
    known = tracker.latency_mean_s(task, now)
    if bound is not None and (known is None or known < bound):
        usual = "not measured yet" if known is None else f"now {known:.3g} s"
        condition = f"`{now}` takes {bound:.3g} s or more on average ({usual})"
        yield Counterfactual(winner=wins(now, bound * 1.001), condition=condition)


def _by_size(worlds: Worlds, _ranking: Ranking, now: str | None) -> Iterator[Counterfactual]:
    current, fresh = worlds.router.config.preferred_model_size, worlds.winner({})
    for size in _SIZES:
        if size != current:
            config = _config(worlds, preferred_model_size=size)
            condition = f"`preferred_model_size` is {size!r} (now {current!r})"
            yield from _with(worlds, now, condition, {"config": config}, fresh)


def _by_capability(worlds: Worlds, _ranking: Ranking, now: str | None) -> Iterator[Counterfactual]:
    preferred, fresh = worlds.router.config.preferred_capabilities, worlds.winner({})
    stated = {name for model in worlds.router.models for name in model.tags.capabilities or ()}
    for name in sorted({*stated, *preferred}):
        if name not in preferred:
            more, condition = [*preferred, name], f"{name} is preferred as well"
            yield from _with(worlds, now, condition, {"config": _config(worlds, preferred_capabilities=more)}, fresh)
        elif len(preferred) > 1:
            less = [each for each in preferred if each != name]
            options = {"config": _config(worlds, preferred_capabilities=less)}
            found = _with(worlds, now, f"{name} is not preferred", options, fresh)
            yield from (each for each in found if each.winner is not None)  # that nobody suits then helps nobody


def _by_needs(worlds: Worlds, _ranking: Ranking, now: str | None) -> Iterator[Counterfactual]:
    request = worlds.request
    for need, thing in _NEEDS.items():
        has = getattr(request.needs, need)
        changed = replace(request, needs=replace(request.needs, **{need: not has}))
        yield from _for(
            worlds, now, f"the call has no {thing.split()[-1]}" if has else f"the call has {thing}", changed
        )
    if request.pinned is not None:
        yield from _for(worlds, now, f"the call does not pin {request.pinned!r}", replace(request, pinned=None))
    if request.conversation_model is not None:
        free = replace(request, conversation_model=None)
        yield from _for(worlds, now, f"it does not continue a tool call of {request.conversation_model!r}", free)


def _by_profile(worlds: Worlds, _ranking: Ranking, now: str | None) -> Iterator[Counterfactual]:
    router, request = worlds.router, worlds.request
    if router.routing_profile is not None:
        condition = f"the router has no profile {router.routing_profile.name!r}"
        yield from _with(worlds, now, condition, {"routing_profile": None}, worlds.winner({}))
    for name in request.profiles:
        others = tuple(each for each in request.profiles if each != name)
        yield from _for(worlds, now, f"the call does not choose profile {name!r}", replace(request, profiles=others))
    for name in () if router.profiles is None else router.profiles().by_name:
        if name not in request.profiles:
            chosen = replace(request, profiles=(*request.profiles, name))
            yield from _for(worlds, now, f"the call chooses profile {name!r}", chosen)


def _by_health(worlds: Worlds, ranking: Ranking, now: str | None) -> Iterator[Counterfactual]:
    if any(rejected.by == "breaker" for rejected in ranking.rejected):
        yield from _with(
            worlds, now, "no model is left alone after its failures", {"breakers": None}, worlds.winner({})
        )


def _by_points(worlds: Worlds, _ranking: Ranking, now: str | None) -> Iterator[Counterfactual]:
    """The fewest further points that make another model win."""
    router, supposed = worlds.router, SupposedPoints()
    scorers = default_scorers(router.config) if router.scorers is None else router.scorers
    copy = Worlds(router.model_copy(update={"scorers": (*scorers, supposed)}), worlds.request)
    scores = copy.ranking().scores
    if now not in scores:
        return
    for name in [each for each in scores if each != now][:_RUNNERS_UP]:
        gap = round(scores[now] - scores[name], 9)
        much = f"{gap:g} point{'' if gap == 1 else 's'} more"
        for points, words in ((gap, much), (gap + 1e-6, f"over {much}")):
            supposed.model, supposed.points = name, points
            if gap > 0 and copy.winner() == name:
                yield Counterfactual(winner=name, condition=f"it earns {words}")
                break


def _by_absence(worlds: Worlds, _ranking: Ranking, now: str | None) -> Iterator[Counterfactual]:
    router = worlds.router
    gone = router.routing.gone
    others = tuple(model for model in router.models if model.name != now and model.name not in gone)
    profiles = [router.routing_profile] if router.routing_profile is not None else []
    profiles += [] if router.profiles is None else list(router.profiles())
    named = {name for profile in profiles for name in profile.model_names()}
    is_named = not named <= {model.name for model in others}  # of others a profile must not name what is not there
    if now is not None and others and not is_named and worlds.request.pinned is None:
        yield from _with(worlds, now, f"`{now}` is not there", {"models": others, "discovery": None})


def _config(worlds: Worlds, **update: Any) -> ScaffoldingConfig:
    return worlds.router.config.model_copy(update=update)


_LOOKS: Final[tuple[Callable[[Worlds, Ranking, str | None], Iterator[Counterfactual]], ...]] = (
    _by_deadline,
    _by_health,
    _by_latency,
    _by_length,
    _by_needs,
    _by_profile,
    _by_size,
    _by_capability,
    _by_points,
    _by_absence,
)
