"""The words on Talos's console that say how far it came: one table, each row with who prints it. Reads no console.

Paths are of siderolabs/talos v1.13.9 unless said otherwise. Patterns are searched after the line's prefix.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of line.

    Args:
        pattern: searched in the line, as bytes, after its prefix; bounded.
        source: who prints it.
        doing: what the machine is doing then, with the pattern's groups; "" where the line says nothing of that.
        talos: whether only a line of Talos's own counts.
        hopeless: what no waiting mends, with the pattern's groups, or "".
        anew: whether the machine starts anew with it.
        service: whether it says the state of a service.
        json: whether its groups are the inside of a JSON string, as in a line of Talos's zap logger.
        ready: whether it says that the machine is ready.
    """

    pattern: re.Pattern[bytes]
    source: str
    doing: str = ""
    talos: bool = True
    hopeless: str = ""
    anew: bool = False
    service: bool = False
    json: bool = False
    ready: bool = False


_SEQUENCER: Final = "internal/app/machined/pkg/runtime/v1alpha1/v1alpha1_controller.go"
_ACQUIRE: Final = "internal/app/machined/pkg/controllers/config/acquire.go"
_MAIN: Final = "internal/app/machined/main.go"

# The first that matches counts, so what is final stands before what is on the way.
ROWS: Final[tuple[Row, ...]] = (
    Row(
        re.compile(rb"Booting Linux on physical CPU"),
        "Linux arch/arm64/kernel/setup.c",
        doing="the kernel starts",
        talos=False,
        anew=True,
    ),
    Row(
        re.compile(rb"Linux version (?P<version>\S{1,80})"),
        "Linux init/version.c",
        doing="kernel {version} starts",
        talos=False,
    ),
    Row(
        re.compile(rb"Kernel panic - not syncing: (?P<why>.{1,200})"),
        "Linux kernel/panic.c",
        talos=False,
        hopeless="the kernel panicked: {why}",
    ),
    Row(
        re.compile(rb"reboot: (?P<how>Restarting system|Power down|System halted)"),
        "Linux kernel/reboot.c",
        doing="the kernel says: {how}",
        talos=False,
    ),
    Row(
        re.compile(rb"KSPP kernel parameter (?P<what>\S{1,40}) (?P<how>is required|was found)"),
        "pkg/kernel/kspp/kspp.go; the prefix stands before the first line of the error alone",
        talos=False,
        hopeless="Talos refuses to run: KSPP kernel parameter {what} {how}",
    ),
    Row(
        re.compile(rb"panic=0 kernel flag found, sleeping forever"),
        f"{_MAIN}, and internal/app/init/main.go",
        hopeless="Talos failed, and sleeps forever as panic=0 says",
    ),
    Row(
        re.compile(
            rb'controller failed .{0,200}"controller": "config\.AcquireController".{0,100}'
            rb'"error": "(?P<why>failed to (?:load|validate) config (?:[^"\\]|\\.){1,400})'
        ),
        f"{_ACQUIRE}; pkg/logging/zap.go has it from the fourth time on",
        hopeless="Talos refuses its machine configuration: {why}",
        json=True,
    ),
    Row(
        re.compile(rb"retrying error: (?P<why>failed to download config .{0,500}status code (?P<status>404|410)\b)"),
        "pkg/download/download.go, and the platform metal; Talos asks again for 3 hours",
        hopeless="the machine configuration cannot be had: {why}",
    ),
    Row(
        re.compile(rb"retrying error: (?P<why>.{1,300})"),
        "internal/app/machined/pkg/runtime/v1alpha1/platform/metal/metal.go",
        doing="tries again: {why}",
    ),
    Row(
        re.compile(rb'fetching machine config from: "(?P<url>[^"]{1,500})"'),
        "internal/app/machined/pkg/runtime/v1alpha1/platform/metal/metal.go",
        doing="fetches its machine configuration from {url}",
    ),
    Row(
        re.compile(rb'server certificate issued \{.{0,400}"fingerprint": "(?P<fingerprint>[A-Za-z0-9+/]{43}=)"'),
        "internal/app/machined/pkg/controllers/runtime/maintenance_service_inform.go",
    ),
    Row(re.compile(rb"entering maintenance service"), _ACQUIRE, doing="in maintenance mode, without a configuration"),
    Row(re.compile(rb"leaving maintenance service"), _ACQUIRE, doing="leaves maintenance mode"),
    Row(re.compile(rb"machine config loaded successfully"), _ACQUIRE, doing="has its machine configuration"),
    Row(
        re.compile(rb"machine is running and ready"),
        "internal/app/machined/pkg/controllers/runtime/machine_status.go",
        doing="says that it is running and ready",
        ready=True,
    ),
    Row(
        re.compile(rb"service\[(?P<service>[^\]]{1,80})\]\((?P<state>[A-Z][a-z]{1,20})\): "),
        "internal/app/machined/pkg/system/service_runner.go",
        service=True,
    ),
    Row(
        re.compile(rb"error running phase (?P<at>\d{1,3}) in (?P<sequence>\w{1,40}) sequence: (?P<why>.{0,300})"),
        _SEQUENCER,
        doing="{sequence} sequence failed in phase {at}: {why}",
    ),
    Row(
        re.compile(rb"(?P<sequence>\w{1,40}) sequence: (?P<how>\d{1,3} phase\(s\)|done|failed)"),
        _SEQUENCER,
        doing="{sequence} sequence: {how}",
    ),
    Row(
        re.compile(
            rb"phase (?P<phase>\w{1,60}) \((?P<at>\d{1,3}/\d{1,3})\): (?P<how>done|failed|\d{1,3} tasks?\(s\))"
        ),
        _SEQUENCER,
        doing="phase {phase} ({at}): {how}",
    ),
    Row(
        re.compile(
            rb"task \w{1,60} \(\d{1,3}/\d{1,3}\): (?P<what>installing Talos to disk \S{1,80}|install successful)"
        ),
        "cmd/installer, whose output the task install prints",
        doing="{what}",
    ),
    Row(
        re.compile(rb"(?:\[initramfs\] )?rebooting in (?P<seconds>\d{1,3}) seconds"),
        f"{_MAIN}, and internal/app/init/main.go",
        doing="gave up, and reboots in {seconds} s",
    ),
    Row(
        re.compile(rb"\[initramfs\] recovered from: (?P<why>.{1,300})"),
        "internal/app/init/main.go",
        doing="its initramfs failed: {why}",
    ),
    Row(
        re.compile(rb"\[initramfs\] booting (?P<name>\S{1,40}) (?P<version>v\S{1,40})"),
        "internal/app/init/main.go",
        doing="its initramfs starts {name} {version}",
    ),
)
