"""How many threads an engine may use without fighting for its cores."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

_CPUS: Final = Path("/sys/devices/system/cpu")
_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
_ENOUGH: Final = 8  # writing tokens waits for memory: more threads than this gain nothing


def engine_threads() -> int:
    """Physical cores this process may use, less one for the rest of the program; at least 1.

    The engine's threads spin at barriers. One thread more than there are free cores makes it several
    times slower, so a container's quota counts and a second hyper-thread does not.

    >>> 1 <= engine_threads() <= 8
    True
    """
    return max(1, min(_physical_cores(_usable_cpus()), _quota_cores(_QUOTA), _ENOUGH) - 1)


def _usable_cpus() -> set[int]:
    if sys.platform == "linux":
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _physical_cores(cpus: set[int], folder: Path = _CPUS) -> int:
    siblings = {
        path.read_text().strip()
        for cpu in cpus
        if (path := folder / f"cpu{cpu}" / "topology" / "thread_siblings_list").exists()
    }
    return len(siblings) or len(cpus)


def _quota_cores(file: Path) -> int:
    """Cores that a container's CPU quota pays for; every core if there is no quota."""
    try:
        quota, period = file.read_text().split()
    except OSError:
        return sys.maxsize
    return sys.maxsize if quota == "max" else max(1, int(quota) // int(period))
