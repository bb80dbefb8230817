"""testinfra's modules for files and processes, where its own ask for what busybox has not.

Its own list a folder with `ls -q` and processes with `ps -o time`, which Debian's busybox 1.35 refuses; and each finds
out first, by several commands, which system it is on, which is known here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from testinfra.host import Host
from testinfra.modules.base import Module
from testinfra.modules.file import GNUFile
from testinfra.modules.process import BusyboxProcess

# A process of /proc/PID/stat (proc(5)): its number, its name in parentheses, its state, 18 numbers, and field 22, its
# starttime. The name is what the process likes, at most 15 bytes.
_STAT = re.compile(r"^(\d+) \([^\0]{0,15}\) [A-Za-z](?: -?\d+){18} (\d+) ", re.MULTILINE)


class ShellFile(GNUFile):
    """`host.file`."""

    @classmethod
    def get_module_class(cls, host: Host) -> type[Module]:
        """Itself: where a shell is on a console, there is a Linux."""
        return cls

    def listdir(self) -> list[str]:
        """The names in a folder, but for those that begin with a dot.

        Raises:
            AssertionError: it cannot be listed.
        """
        return self._host.check_output("ls -1 -- %s", self.path).splitlines()


class ShellProcess(BusyboxProcess):
    """`host.process`, with the attributes that the machine's `ps -o` knows; `lstart` is in clock ticks since its boot.

    Those between two blanks are meant: of an attribute that may hold blanks, only `args` comes whole.
    """

    @classmethod
    def get_module_class(cls, host: Host) -> type[Module]:
        """Itself: where a shell is on a console, there is a Linux."""
        return cls

    def _get_processes(self, **filters: object) -> list[dict[str, object]]:
        names = [*sorted({"pid", "comm", *filters} - {"args", "lstart"}), "args"]
        started = self._started()
        listed = self._host.check_output("ps -A -o %s", ",".join(names)).splitlines()[1:]
        found = [attributes(names, line) for line in listed]
        # One that began or ended in between, as `ps` itself, is none that a test could hold.
        return [{**one, "lstart": started[one["pid"]]} for one in found if one["pid"] in started]

    def _get_process_attribute_by_pid(self, pid: int, name: str) -> Mapping[str, object]:
        listed = self._host.check_output("ps -A -o %s", f"pid,{name}").splitlines()[1:]
        found = {one["pid"]: one[name] for one in (attributes(["pid", name], line) for line in listed)}
        return {"lstart": self._started().get(pid), name: found.get(pid)}

    def _started(self) -> Mapping[object, int]:
        return start_times(self._host.run("cat /proc/[0-9]*/stat").stdout)


def attributes(names: Sequence[str], line: str) -> dict[str, object]:
    """A line of `ps -o NAMES` by name, numbers as such; the last takes all that is left, and those not there are "".

    Args:
        names: the columns, in order.
        line: as `ps` prints it.
    """
    values = line.split(None, len(names) - 1)
    values += [""] * (len(names) - len(values))
    return {name: int(value) if value.isdecimal() else value for name, value in zip(names, values, strict=True)}


def start_times(stats: str) -> dict[object, int]:
    """When each process was started, in clock ticks since the machine's boot, from its /proc/PID/stat files."""
    return {int(pid): int(start) for pid, start in _STAT.findall(stats)}


MODULES: Mapping[str, type[Module]] = {"file": ShellFile, "process": ShellProcess}
"""What a host on a console is given instead of testinfra's own, by its attribute's name."""
