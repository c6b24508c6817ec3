#!/usr/bin/env python3
"""Fail if an installed dependency has a known vulnerability; say so if nobody could be asked.

Some networks reach a package index but no vulnerability service. There nothing is audited, which is no pass.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

BIN = Path(sys.executable).parent


def main() -> int:
    listed = subprocess.run(
        [BIN / "uv", "pip", "freeze", "--exclude-editable", "--python", sys.executable],
        capture_output=True,
        text=True,
        check=True,
    )
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(listed.stdout)
        requirements.flush()
        command = [
            BIN / "pip-audit",
            "-r",
            requirements.name,
            "--no-deps",
            "--disable-pip",
            "--progress-spinner=off",
            "--format=json",
        ]
        audit = subprocess.run(command, capture_output=True, text=True, check=False)
    if not audit.stdout:
        print(audit.stderr, file=sys.stderr)
        return audit.returncode or 1
    packages = json.loads(audit.stdout)["dependencies"]
    audited = [package for package in packages if "vulns" in package]
    found = [(package["name"], package["version"], each) for package in audited for each in package["vulns"]]
    for name, version, each in found:
        print(f"{name} {version}: {each['id']}, fixed in {', '.join(each['fix_versions']) or 'no version yet'}")
    if not audited:
        print(f"Not audited: no vulnerability service knows any of the {len(packages)} packages here.")
    else:
        print(f"{len(audited)} of {len(packages)} packages audited, {len(found)} known vulnerabilities.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
