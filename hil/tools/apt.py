"""Packages of any suite and architecture that the archive has, by the host's own apt, never installed.

A private configuration keeps apt away from the host's state. Signatures are checked as on the host: nothing
here relaxes them. What it fetches is unpacked by dpkg-deb into a folder of the caller's.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools import aptsources, host
from hil.tools.cache import Cache
from hil.tools.digest import file_digest
from hil.tools.process import Finished, run
from hil.tools.progress import Progress, Step

_LISTS_KEPT_S = 24 * 3600
_NEEDS_APT = "this needs apt, of Debian or Ubuntu"

# The host's hooks act on the host's own cache and desktop; `#clear` is apt.conf(5).
_CONFIGURATION = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Architecture "{arch}";
#clear APT::Architectures;
APT::Architectures {{ "{arch}"; }};
APT::Default-Release "";
APT::Sandbox::User "{user}";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::Languages "none";
Dir::State "{root}/state";
Dir::State::Lists "{root}/lists";
Dir::State::status "{root}/status";
Dir::State::extended_states "{root}/extended_states";
Dir::Cache "{root}/cache";
Dir::Etc::SourceList "{root}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
"""


@dataclass(frozen=True, slots=True)
class Package:
    """One package that was fetched.

    Args:
        name, version, architecture: as in its control file.
        suite: the code name it was asked of, as "trixie".
        sha256: of the .deb, hex.
    """

    name: str
    version: str
    architecture: str
    suite: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} {self.architecture} ({self.suite}), sha256 {self.sha256}"


class PrivateApt:
    """apt for one suite and one architecture, with lists of its own in the cache.

    Args:
        cache: where its lists are kept.
        suite: code name, as "trixie".
        arch: "arm64", or "native" for the host's own.
        progress: told what it does.

    Raises:
        InfrastructureError: the host has no sources to derive this from.
    """

    def __init__(self, cache: Cache, *, suite: str, arch: str, progress: Progress) -> None:
        native = host.debian_architecture()
        self.arch = native if arch == "native" else arch
        self.suite = suite
        self._progress = progress
        here = host.distribution()
        sources, why = aptsources.derive(aptsources.host_sources(), here, suite=suite, arch=self.arch, native=native)
        if not sources:
            raise InfrastructureError(
                f"packages of {suite} for {self.arch} cannot be had: {why}",
                hint="add that archive to the apt sources, or set the variables that `hil doctor` shows",
            )
        text = aptsources.render(sources)
        self._cache = cache
        self._name = f"apt-{suite}-{self.arch}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        self._root = cache.root / "apt" / self._name
        self._text = text

    def update(self, deadline: Deadline) -> None:
        """Fetch and check the package lists, unless that was done in the last 24 hours.

        Raises:
            InfrastructureError: apt could not, or a signature does not hold; with apt's own words.
        """
        with self._cache.making(self._name, deadline):
            stamp = self._root / "updated"
            if stamp.exists() and time.time() - stamp.stat().st_mtime < _LISTS_KEPT_S:
                return
            self._write_configuration()
            # Without --error-on a source that cannot be fetched is a warning and exit code 0 (apt-get(8)).
            words = ["update", "--error-on=any", "-o", "APT::Status-Fd={status}"]
            done = self._apt(words, deadline, f"fetching package lists of {self.suite}")
            if done.code != 0:
                raise self._failed("the package lists were not fetched", done)
            stamp.touch()

    def fields(self, package: str, deadline: Deadline) -> dict[str, str]:
        """The control fields of the newest version in the suite.

        Raises:
            InfrastructureError: there is no such package.
        """
        done = self._apt_cache(["show", "--no-all-versions", package], deadline)
        fields = aptsources.parse_stanza(done.output)
        if done.code != 0 or "version" not in fields:
            raise self._failed(f"{self.suite} has no package {package} for {self.arch}", done)
        return fields

    def fetch(self, packages: Sequence[str], into: Path, deadline: Deadline) -> list[Package]:
        """Fetch the newest of each and unpack them all into one folder.

        Args:
            packages: names.
            into: an empty folder; the archives are put beside it and removed.

        Raises:
            InfrastructureError: apt or dpkg-deb failed, with their own words.
        """
        archives = into.with_name(into.name + ".archives")
        archives.mkdir()
        into.mkdir(exist_ok=True)
        wanted = {name: self.fields(name, deadline) for name in packages}
        names = [f"{name}={fields['version']}" for name, fields in wanted.items()]
        words = ["download", "-o", "APT::Status-Fd={status}", *names]
        done = self._apt(words, deadline, f"fetching {' '.join(packages)}", cwd=archives)
        debs = sorted(archives.glob("*.deb"))
        if done.code != 0 or len(debs) != len(packages):
            # The archive may have moved on since the lists were fetched: the next try asks for them anew.
            (self._root / "updated").unlink(missing_ok=True)
            raise self._failed(f"{' '.join(packages)} could not be fetched", done)
        found = []
        for deb in debs:
            self._progress(Step(f"unpacking {deb.name.partition('_')[0]}"))
            found.append(self._unpack(deb, into, wanted, deadline))
            deb.unlink()
        archives.rmdir()
        return found

    def _unpack(self, deb: Path, into: Path, wanted: dict[str, dict[str, str]], deadline: Deadline) -> Package:
        done = run(["dpkg-deb", "--extract", deb, into], deadline=deadline, hint=_NEEDS_APT)
        if done.code != 0:
            raise self._failed(f"{deb.name} could not be unpacked", done)
        fields = wanted[deb.name.partition("_")[0]]
        return Package(fields["package"], fields["version"], fields["architecture"], self.suite, file_digest(deb)[0])

    def _write_configuration(self) -> None:
        for name in ("state", "lists/partial", "cache/archives/partial"):
            (self._root / name).mkdir(parents=True, exist_ok=True)
        (self._root / "status").touch()
        (self._root / "sources.list").write_text(self._text, encoding="utf-8")
        # As root, apt would hand its work to a user who cannot reach a private cache folder.
        user = "root" if os.geteuid() == 0 else ""
        text = _CONFIGURATION.format(arch=self.arch, root=self._root, user=user)
        (self._root / "apt.conf").write_text(text, encoding="utf-8")

    def _apt(self, words: Sequence[str], deadline: Deadline, what: str, cwd: Path | None = None) -> Finished:
        self._progress(Step(what))

        def on_status(line: str) -> None:
            if (percent := percent_of(line)) is not None:
                self._progress(Step(what, percent, 100, "percent"))

        command: list[str | Path] = ["apt-get", "-c", self._root / "apt.conf", "--quiet", *words]
        return run(
            command,
            deadline=deadline,
            cwd=cwd,
            env=_plain_environment(),
            on_status=on_status,
            hint=_NEEDS_APT,
        )

    def _apt_cache(self, words: Sequence[str], deadline: Deadline) -> Finished:
        command: list[str | Path] = ["apt-cache", "-c", self._root / "apt.conf", *words]
        return run(command, deadline=deadline, env=_plain_environment(), hint=_NEEDS_APT)

    def _failed(self, message: str, done: Finished) -> InfrastructureError:
        return InfrastructureError(
            f"{message}; apt said:" if done.output.strip() else message,
            hint="see that `apt-get update` works on this host and that its archive keys are current"
            f" ({self._root / 'sources.list'} was used), then try again",
            evidence=done.last_lines(),
        )


def _plain_environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def percent_of(status_line: str) -> int | None:
    """Per cent done by a line of APT::Status-Fd; None for other lines.

    Source: apt's README.progress-reporting, as "dlstatus:1:20.5:Retrieving file 1 of 2".
    """
    match = re.match(r"dlstatus:[^:]*:([0-9]{1,3})(?:\.[0-9]*)?:", status_line)
    return min(100, int(match[1])) if match else None
