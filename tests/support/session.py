"""pytest as a user of the plugin runs it: a process of its own, and what it left in its JUnit file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree


def session(folder: Path, *arguments: str) -> tuple[int, str, dict[str, ElementTree.Element]]:
    """Run pytest there; returns its exit status, what it printed, and the JUnit test cases by name."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--junitxml=out.xml", *arguments]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=1200,
        check=False,
    )
    out = folder / "out.xml"
    assert out.exists(), done.stdout + done.stderr
    return (
        done.returncode,
        done.stdout,
        {str(case.get("name")): case for case in ElementTree.parse(out).iter("testcase")},
    )


def properties(case: ElementTree.Element) -> dict[str, str]:
    return {str(each.get("name")): str(each.get("value")) for each in case.iter("property")}
