"""The look-up of known vulnerabilities fails where there is one, and says so where nobody could be asked."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parent.parent / ".ci" / "audit.py"

KNOWN = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
SOUND = {"name": "new", "version": "2.0", "vulns": []}
SKIPPED = {"name": "new", "skip_reason": "not found"}
REFUSED = "requests.exceptions.ProxyError: HTTPSConnectionPool(host='pypi.org', port=443): Max retries exceeded"


def audit(tools: Path, *, pypi: list[dict[str, Any]] | str, osv: list[dict[str, Any]] | str = REFUSED) -> int:
    """Run the audit with a `pip-audit` that gives packages, or fails with these words, for each service."""
    (tools / "uv").write_text("#!/bin/sh\necho old==1.0\n", encoding="utf-8")
    lines = ["#!/bin/sh", 'case "$2" in']
    for service, says in (("pypi", pypi), ("osv", osv)):
        if isinstance(says, str):
            lines.append(f'{service}) echo "{says}" >&2; exit 1;;')
        else:
            lines.append(f"{service}) echo '{json.dumps({'dependencies': says})}';;")
    (tools / "pip-audit").write_text("\n".join([*lines, "esac"]), encoding="utf-8")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    return int(runpy.run_path(str(SCRIPT))["main"](tools))


def test_a_known_vulnerability_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(tmp_path, pypi=[KNOWN, SOUND]) == 1
    assert "old 1.0: PYSEC-1, fixed in 1.1" in capsys.readouterr().out


def test_sound_packages_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(tmp_path, pypi=[SOUND, SKIPPED]) == 0
    assert capsys.readouterr().out == "1 of 2 packages audited by pypi, 0 known vulnerabilities.\n"


def test_where_one_service_cannot_tell_the_next_is_asked(tmp_path: Path) -> None:
    assert audit(tmp_path, pypi=[SKIPPED], osv=[KNOWN]) == 1
    assert audit(tmp_path, pypi=REFUSED, osv=[KNOWN]) == 1


def test_where_none_can_tell_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(tmp_path, pypi=[SKIPPED]) == 0
    assert capsys.readouterr().out == "Not audited: pypi knows none of the packages, osv cannot be reached.\n"


def test_an_audit_that_breaks_is_no_pass(tmp_path: Path) -> None:
    assert audit(tmp_path, pypi="pip-audit: error: unrecognized arguments") == 1
