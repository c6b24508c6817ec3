"""`Finding`: one thing that was found out about a router; `Diagnosis`: all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeAlias

Trouble: TypeAlias = Literal["no suitable model", "slow", "inconsistent", "setup"]
Severity: TypeAlias = Literal["error", "warning", "note"]

_ORDER = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was found out.

    Attributes:
        trouble: The kind of trouble it is about.
        severity: "error": calls get no answer of a model; "warning": something should be changed; "note": all is well,
            and this is why a model is not called.
        constraint: What rejects the model, or is not met, such as "fits_context" or "local_only".
        found: What is the case.
        needed: What should be.
        fix: What to change.
        model: The model; `None` if it is about all.
        tasks: The tasks that it is about; none if it is about all.
    """

    trouble: Trouble
    severity: Severity
    constraint: str
    found: str
    needed: str
    fix: str
    model: str | None = None
    tasks: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The finding as one line."""
        who = "" if self.model is None else f" {self.model}:"
        tasks = f" ({', '.join(self.tasks)})" if self.tasks else ""
        return (
            f"{self.severity}: {self.trouble}{tasks}:{who} {self.constraint}: found {self.found}; needed {self.needed}."
            f" Fix: {self.fix}"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """What was found out about a router.

    Attributes:
        findings: The worst first.

    Example:
        >>> Diagnosis(findings=()).ok
        True
    """

    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Diagnosis:
        """The findings in order; those that differ by their task alone become one."""
        merged: dict[Finding, tuple[str, ...]] = {}
        for finding in findings:
            alike = replace(finding, tasks=())
            merged[alike] = tuple(dict.fromkeys((*merged.get(alike, ()), *finding.tasks)))
        found = [replace(finding, tasks=tasks) for finding, tasks in merged.items()]
        return cls(findings=tuple(sorted(found, key=lambda each: _ORDER[each.severity])))

    @property
    def ok(self) -> bool:
        """Whether there is nothing to change: at most notes."""
        return all(finding.severity == "note" for finding in self.findings)

    def about(self, trouble: Trouble) -> tuple[Finding, ...]:
        """The findings on one kind of trouble."""
        return tuple(finding for finding in self.findings if finding.trouble == trouble)

    def as_dict(self) -> dict[str, Any]:
        """The same for machines."""
        return {"ok": self.ok, "findings": [asdict(finding) for finding in self.findings]}

    def __iter__(self) -> Iterator[Finding]:
        """The findings."""
        return iter(self.findings)

    def __str__(self) -> str:
        """The findings as lines."""
        return "\n".join(map(str, self.findings)) or "nothing to change"
