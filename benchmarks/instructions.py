"""Instructions of a call, counted by valgrind: `python -m benchmarks.instructions`.

A second opinion without noise: other programs, clocks and heat do not change it. It does not see what waiting for
memory costs, so its ratios are not those of time. Needs `valgrind`, whose Callgrind counts; a minute or two. Counted is
the difference between twenty calls and ten, so that whatever happens once does not count.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.overhead import SCENARIOS

ROWS = ("invoke", "ainvoke", "stream of 50 chunks", "1 failing first", "1,000 candidates")
FEW = 10
_TOTALS = re.compile(r"^desc: Trigger: dump of (?P<name>[^\n]+)$.*?^totals: (?P<number>\d+)$", re.MULTILINE | re.DOTALL)

Counts = dict[str, dict[str, int]]


def per_call(dumps: Mapping[str, int]) -> Counts:
    """Instructions of one call by row and contender, from those of few calls and of twice as many.

    >>> per_call({"invoke/bare/10": 150, "invoke/bare/20": 250})
    {'invoke': {'bare': 10}}
    """
    found: Counts = {}
    for name, number in dumps.items():
        row, who, calls = name.split("/")
        if int(calls) == FEW:
            found.setdefault(row, {})[who] = (dumps[f"{row}/{who}/{2 * FEW}"] - number) // FEW
    return found


def totals(text: str) -> tuple[str, int]:
    """What a file of Callgrind's was dumped for, and how many instructions it counted."""
    match = _TOTALS.search(text)
    if match is None:
        msg = "Callgrind wrote a file without a total."
        raise ValueError(msg)
    return match["name"], int(match["number"])


def _control(*arguments: str) -> None:
    subprocess.run(["callgrind_control", *arguments, str(os.getpid())], check=True, stdout=subprocess.DEVNULL)


def inside(names: list[str]) -> None:
    """Make the calls, with counting turned on around them; runs below valgrind."""
    gc.disable()
    for name in names:
        for who, run in SCENARIOS[name]().contenders.items():
            run(2 * FEW)
            gc.collect()
            for calls in (FEW, 2 * FEW):
                _control("-z")
                _control("-i", "on")
                run(calls)
                _control("-i", "off")
                _control("-d", f"of {name}/{who}/{calls}")  # a number in front would be taken for a process


def counted(names: list[str]) -> Counts:
    """Run this module below valgrind, and read what it counted."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/out"]
        command += [sys.executable, "-m", "benchmarks.instructions", "--inside", *names]
        # the order of sets and the depth of dictionaries hang on the seed of hashes
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "0"}, check=True, capture_output=True)
        dumps = sorted(Path(folder).glob("out.*"), key=lambda path: int(path.suffix[1:]))
        return per_call(dict(totals(each.read_text(encoding="utf-8")) for each in dumps))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("names", nargs="*", metavar="ROW", help="rows of benchmarks.overhead (default: some of them)")
    given = parser.parse_args()
    names = given.names or list(ROWS)
    if given.inside:
        inside(names)
        return
    if shutil.which("valgrind") is None:
        parser.error("valgrind is not there: `apt-get install valgrind`, or the package of that name elsewhere")
    counts = counted(names)
    if given.json:
        print(json.dumps(counts, indent=2))
        return
    print("| | who | instructions | times the bare model |\n| --- | --- | --: | --: |")
    for name, each in counts.items():
        for who, number in each.items():
            print(f"| {name} | {who} | {number:,} | {number / each['bare']:.2f} |")


if __name__ == "__main__":
    main()
