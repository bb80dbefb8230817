"""Fails when a tier that this machine can run did not run: reads a JUnit file, says what was skipped and why.

    python .ci/tiers.py JUNIT.xml

A boot needs QEMU, which every machine that CI uses has, so a skipped boot test is a failure unless its reason is one
of those that name something this host cannot have.
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

# What a host may lack without anyone's fault; each is a test's own words.
ALLOWED = (
    r"no Debian suite",
    r"another user can read neither",
    r"needs KVM",
    r"only for an ordinary user",
    r"needs root",
    r"user namespaces are not allowed",
)


def tier(case: ElementTree.Element) -> str:
    """As its markers say (conftest.py), wherever its file is."""
    told = case.find("properties/property[@name='tier']")
    return "fast" if told is None else told.get("value", "fast")


def main(report: Path) -> int:
    ran = {"fast": 0, "boot": 0}
    refused = []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        skipped = case.find("skipped")
        if skipped is None:
            ran[tier(case)] += 1
        elif skipped.get("type") != "pytest.xfail":
            reason = skipped.get("message", "")
            fine = any(re.search(words, reason) for words in ALLOWED)
            name = f"{case.get('classname')}::{case.get('name')}"
            print(f"skipped ({'allowed' if fine else 'NOT ALLOWED'}): {name}: {reason}")
            if not fine:
                refused.append(case)
    print(f"ran: {ran['fast']} fast, {ran['boot']} boot; skipped without leave: {len(refused)}")
    return 1 if refused or not all(ran.values()) else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
