"""What the router costs beside the bare model and beside LangChain's own `with_fallbacks`.

Run with `make bench`, or `python -m benchmarks.overhead --quick`. All models are LangChain's own fakes, which answer at
once; the router decides, measures by callback and learns on every call, with default options. `--check` fails when a
ratio passes its limit by more than the noise, in this process and again in a fresh one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

from benchmarks.contenders import (
    abatching,
    ainvoking,
    at_once,
    bare,
    batching,
    broken,
    heard,
    in_threads,
    invoking,
    many,
    router_behind,
    router_over,
    starting,
    streaming,
    talking,
    traced,
)
from benchmarks.harness import Bound, Contender, Ratio, block_times

BOUNDS: Mapping[str, Bound] = {
    "invoke": Bound(must=1.38, aim=1.25, measured=1.05),
    "ainvoke": Bound(must=1.38, aim=1.25, measured=0.95),
    "invoke, heard": Bound(measured=2.05),
    "invoke, traced": Bound(must=1.60, aim=1.45, measured=1.90),
    "ainvoke, traced": Bound(must=1.70, aim=1.55),
    "stream of 50 chunks": Bound(must=1.35, aim=1.10, measured=1.10),
    "stream of 500 chunks": Bound(must=1.35, aim=1.05, measured=1.05),
    "first of 50 chunks": Bound(must=1.45, aim=1.30, measured=1.00),
    "1 failing first": Bound(must=2.6, aim=2.1, measured=2.0),
    "2 failing first": Bound(must=3.7, aim=3.0, measured=2.6),
    "3 failing first": Bound(must=4.9, aim=3.9, measured=3.2),
    "1 failing, left alone": Bound(measured=1.2),
    "2 failing, left alone": Bound(measured=1.2),
    "3 failing, left alone": Bound(measured=1.2),
    "batch of 100": Bound(must=1.35, aim=1.1, measured=1.10),
    "abatch of 100": Bound(must=1.38, aim=1.2, measured=0.90),
    "1 candidate": Bound(measured=1.05),
    "10 candidates": Bound(must=1.38, aim=1.25, measured=1.05),
    "100 candidates": Bound(must=1.42, aim=1.25, measured=1.05),
    "1,000 candidates": Bound(must=1.50, aim=1.25, measured=1.05),
    "1,000 ainvoke at once": Bound(must=1.35, aim=1.10, measured=0.85),
    "64 threads": Bound(measured=1.10),
    "64 threads beside 1": Bound(must=1.10, aim=1.00),
    "with a deadline": Bound(must=2.2, aim=1.7),
}
"""The goals, and bounds that were measured: above them something has become worse, long before a goal is missed."""

BLOCKS, QUICK_BLOCKS = 41, 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """Contenders that are compared, and how many calls a block has.

    Attributes:
        calls: Calls in a block.
        contenders: The first is the baseline.
        alone: The same contenders in other circumstances, by which their times are divided first.
    """

    calls: int
    contenders: Mapping[str, Contender]
    alone: Mapping[str, Contender] | None = None

    def measure(self, blocks: int) -> dict[str, Ratio]:
        """The ratios to the baseline."""
        alone = {f"{name}, alone": each for name, each in (self.alone or {}).items()}
        times = block_times({**self.contenders, **alone}, calls=self.calls, blocks=blocks)
        if self.alone is not None:
            for name in self.contenders:
                times[name] = [time_ / base for time_, base in zip(times[name], times[f"{name}, alone"], strict=True)]
        baseline = times[next(iter(self.contenders))]
        return {name: Ratio.of(name, times[name], baseline) for name in self.contenders}


def _of(calls: int, call: Callable[..., Contender], *arguments: Any) -> Scenario:
    """The bare model, LangChain's fallback over two, and the router over two, called in one way."""
    models = {"bare": bare(), "with_fallbacks": bare().with_fallbacks([bare()]), "router": router_over(bare(), bare())}
    return Scenario(calls=calls, contenders={name: call(each, *arguments) for name, each in models.items()})


def _streamed(calls: int, call: Callable[..., Contender], chunks: int) -> Scenario:
    first = talking(chunks)
    models = {"bare": first, "with_fallbacks": first.with_fallbacks([bare()]), "router": router_over(first, bare())}
    return Scenario(calls=calls, contenders={name: call(each) for name, each in models.items()})


# without it the router would soon leave models alone that always fail, and the row would measure one attempt
_TRIES_ALL = {"breaker_threshold": 10**9}


def _failing(number: int, **options: Any) -> Scenario:
    first, *others = [broken() for _ in range(number)]
    models = {
        "bare": bare(),
        "with_fallbacks": first.with_fallbacks([*others, bare()]),
        "router": router_behind([first, *others], bare(), **options),
    }
    return Scenario(calls=50, contenders={name: invoking(each) for name, each in models.items()})


def _over(number: int) -> Scenario:
    return Scenario(calls=100, contenders={"bare": invoking(bare()), "router": invoking(many(number))})


def _threaded(threads: int, *, beside_one: bool) -> Scenario:
    pool = ThreadPoolExecutor(threads)
    together = _of(4 * threads, in_threads, pool, threads)
    alone = _of(4 * threads, in_threads, pool, 1).contenders if beside_one else None
    return Scenario(calls=together.calls, contenders=together.contenders, alone=alone)


def _limited() -> Scenario:
    models = {"bare": bare(), "router": router_over(bare(), bare(), max_response_time_ms=60_000)}
    return Scenario(calls=100, contenders={name: invoking(each) for name, each in models.items()})


SCENARIOS: Mapping[str, Callable[[], Scenario]] = {
    "invoke": lambda: _of(100, invoking),
    "ainvoke": lambda: _of(100, ainvoking),
    "invoke, heard": lambda: _of(100, invoking, heard),
    "invoke, traced": lambda: _of(60, invoking, traced),
    "ainvoke, traced": lambda: _of(60, ainvoking, traced),
    "stream of 50 chunks": lambda: _streamed(20, streaming, 50),
    "stream of 500 chunks": lambda: _streamed(3, streaming, 500),
    "first of 50 chunks": lambda: _streamed(20, starting, 50),
    "1 failing first": lambda: _failing(1, **_TRIES_ALL),
    "2 failing first": lambda: _failing(2, **_TRIES_ALL),
    "3 failing first": lambda: _failing(3, **_TRIES_ALL),
    "1 failing, left alone": lambda: _failing(1),
    "2 failing, left alone": lambda: _failing(2),
    "3 failing, left alone": lambda: _failing(3),
    "batch of 100": lambda: _of(1, batching, 100),
    "abatch of 100": lambda: _of(1, abatching, 100),
    "1 candidate": lambda: _over(1),
    "10 candidates": lambda: _over(10),
    "100 candidates": lambda: _over(100),
    "1,000 candidates": lambda: _over(1000),
    "1,000 ainvoke at once": lambda: _of(1, at_once, 1000),
    "64 threads": lambda: _threaded(64, beside_one=False),
    "64 threads beside 1": lambda: _threaded(64, beside_one=True),
    "with a deadline": _limited,
}

Results = dict[str, dict[str, Ratio]]


def measure(names: list[str], blocks: int) -> Iterator[tuple[str, dict[str, Ratio]]]:
    """Each row's ratios, as soon as they are there."""
    for name in names:
        yield name, SCENARIOS[name]().measure(blocks)


def passed(results: Results, bounds: Mapping[str, Bound] = BOUNDS) -> list[str]:
    """The rows whose ratio is above its limit by more than the noise."""
    return [name for name, each in results.items() if bounds[name].is_passed(each["router"])]


def measured_anew(names: list[str], *, blocks: int) -> Results:
    """The same rows out of a fresh process, whose memory lies otherwise."""
    only = "|".join(f"^{re.escape(name)}$" for name in names)
    command = [sys.executable, "-m", "benchmarks.overhead", "--json", "--blocks", str(blocks), "--only", only]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {
        name: {who: Ratio(**ratio) for who, ratio in each.items()} for name, each in json.loads(printed)["rows"].items()
    }


def surroundings() -> dict[str, Any]:
    """What a number depends on."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        **{name: version(name) for name in ("langchain-core", "pydantic", "langchain-scaffolding")},
    }


def cells(name: str, ratios: Mapping[str, Ratio]) -> list[str]:
    """A row of the table."""
    bound = BOUNDS[name]
    shown = [name, "-" if name.endswith("beside 1") else f"{ratios['bare'].micros:,.0f}"]
    for who in ("with_fallbacks", "router"):
        ratio = ratios.get(who)
        shown.append("-" if ratio is None else f"{ratio.median:.2f} ({ratio.low:.2f}-{ratio.high:.2f})")
    shown += ["-" if each is None else f"{each:.2f}" for each in (bound.must, bound.aim)]
    limit = "-" if bound.limit is None else f"{bound.limit:.2f}{'' if bound.measured is None else ' measured'}"
    return [*shown, bound.held(ratios["router"]), limit]


HEADER = ["", "bare, µs", "with_fallbacks", "router", "must", "aim", "held", "checked"]
_WIDTHS = [22, 9, 18, 18, 5, 5, 5, 14]


def as_line(shown: list[str]) -> str:
    first, *others = zip(shown, _WIDTHS, strict=True)
    return "  ".join([f"{first[0]:{first[1]}}", *(f"{each:>{width}}" for each, width in others)])


def as_markdown(shown: list[str]) -> str:
    return f"| {' | '.join(shown)} |"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer blocks: a first look, not a result")
    parser.add_argument("--blocks", type=int, help=f"blocks of each row (default {BLOCKS})")
    parser.add_argument("--only", default="", help="rows whose name matches this regular expression")
    parser.add_argument("--check", action="store_true", help="fail if a row passes its limit")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print JSON")
    shape.add_argument("--markdown", action="store_true", help="print a table in Markdown")
    given = parser.parse_args(arguments)
    blocks = given.blocks or (QUICK_BLOCKS if given.quick else BLOCKS)
    names = [name for name in SCENARIOS if re.search(given.only, name)]
    if not names:
        parser.error(f"no row matches {given.only!r}; there are: {', '.join(SCENARIOS)}")

    results: Results = {}
    show = as_markdown if given.markdown else as_line
    if not given.json:
        print(show(HEADER))
        if given.markdown:
            print(as_markdown(["---", *["--:"] * (len(HEADER) - 1)]))
    for name, ratios in measure(names, blocks):
        results[name] = ratios
        if not given.json:
            print(show(cells(name, ratios)), flush=True)
    if given.json:
        rows = {name: {who: asdict(ratio) for who, ratio in each.items()} for name, each in results.items()}
        held = {name: BOUNDS[name].held(each["router"]) for name, each in results.items()}
        print(json.dumps({"blocks": blocks, **surroundings(), "rows": rows, "held": held}, indent=2))
    return check(results, partial(measured_anew, blocks=blocks)) if given.check else 0


def check(results: Results, measure_anew: Callable[[list[str]], Results]) -> int:
    """Say which rows pass their limit, and do so again when they are measured anew; the exit code."""
    suspects = passed(results)
    anew = measure_anew(suspects) if suspects else {}
    failed = passed(anew)
    for name in suspects:
        first, again, limit = results[name]["router"], anew[name]["router"], BOUNDS[name].limit
        verdict = "is over its limit" if name in failed else "was over its limit once"
        print(
            f"{name} {verdict} of {limit}: {first.median:.2f} (at least {first.least:.2f}), "
            f"measured anew {again.median:.2f} (at least {again.least:.2f})",
            file=sys.stderr,
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
