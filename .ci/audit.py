#!/usr/bin/env python3
"""Fail if an installed dependency has a known vulnerability; say so if nobody could be asked.

Some networks reach a package index but no vulnerability service. There nothing is audited, which is no pass.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SERVICES = ("pypi", "osv")
"""Asked in this order until one knows any of the packages."""
UNREACHABLE = re.compile(r"(?:Proxy|Connection|SSL|Service)Error|Timeout|[Cc]ould not connect")


def main(tools: Path = Path(sys.executable).parent) -> int:
    """Audit what is installed beside this Python.

    Args:
        tools: Where `uv` and `pip-audit` are.
    """
    freeze = [tools / "uv", "pip", "freeze", "--exclude-editable", "--python", sys.executable]
    listed = subprocess.run(freeze, capture_output=True, text=True, check=True)
    reasons = []
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(listed.stdout)
        requirements.flush()
        options = ["-r", requirements.name, "--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json"]
        for service in SERVICES:
            command = [tools / "pip-audit", "--vulnerability-service", service, *options]
            audit = subprocess.run(command, capture_output=True, text=True, check=False)
            packages = json.loads(audit.stdout)["dependencies"] if audit.stdout else []
            audited = [package for package in packages if "vulns" in package]
            if audited:
                return report(service, audited, len(packages))
            *_, last = audit.stderr.strip().splitlines() or [""]
            if not packages and not UNREACHABLE.search(last):
                print(audit.stderr, file=sys.stderr)
                return audit.returncode or 1
            reasons.append(f"{service} {'knows none of the packages' if packages else 'cannot be reached'}")
    print(f"Not audited: {', '.join(reasons)}.")
    return 0


def report(service: str, audited: list[dict], packages: int) -> int:
    """Print what was found, and give the exit code."""
    found = [(package["name"], package["version"], each) for package in audited for each in package["vulns"]]
    for name, version, each in found:
        print(f"{name} {version}: {each['id']}, fixed in {', '.join(each['fix_versions']) or 'no version yet'}")
    print(f"{len(audited)} of {packages} packages audited by {service}, {len(found)} known vulnerabilities.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
