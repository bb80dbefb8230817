"""A QEMU guest as a machine: its power, reset, network port, doors and events, over one process at a time.

The process belongs to the keeper; this asks for it, and a handle here outlives it: each power-on is a new process
behind the same parts. Off is SIGKILL, as a plug that is pulled: `quit` and SIGTERM make QEMU flush its disks first.
"""

from __future__ import annotations

import signal
from pathlib import Path

from hil.clock import Deadline, now_ns
from hil.config.units import format_size
from hil.console.port import UnixPort
from hil.errors import InfrastructureError, MissingPart
from hil.machine import Acted, Disk, Disks, Doors, Events, Machine, Nic, Power, PowerState, Reset, SerialConsole
from hil.machines.place import Place
from hil.machines.qemu.command import Hardware, command
from hil.machines.qemu.config import Config
from hil.machines.qemu.disks import AttachedDisk, make_missing, named
from hil.machines.qemu.finding import find_hardware
from hil.machines.qemu.qmp import Qmp
from hil.machines.qemu.variables import copy_variables
from hil.netboot.capture.process import Recording
from hil.netboot.capture.starting import GuestCapture
from hil.timeline.events import Event
from hil.tools.cache import Cache

# The PL011 UART of QEMU's virt machine (QEMU docs/system/arm/virt.rst; Linux drivers/tty/serial/amba-pl011.c).
CONSOLE_ARGUMENT = "console=ttyAMA0"


def create(config: Config, place: Place) -> Machine:
    """A machine that is off.

    Args:
        config: the node's keys in the rig file.
        place: what the bench gives it.

    Raises:
        InfrastructureError: QEMU or its firmware is missing.
    """
    disks = tuple(
        AttachedDisk(disk.bus, disk.size, place.directory / f"{place.node}-disk{number}.raw")
        for number, disk in enumerate(config.disks)
    )
    found = find_hardware(place.node, place.directory, cpus=config.cpus, memory=config.memory, disks=disks)
    guest = QemuGuest(found.hardware, found.fresh_variables, place, config.ports)
    return Machine(
        name=place.node,
        kind="qemu",
        identity=place.identity,
        console_argument=CONSOLE_ARGUMENT,
        console_stream=guest.console_stream,
        control_stream=guest.control_stream,
        parts=dict.fromkeys((Power, Reset, Nic, Doors, Events, SerialConsole, *((Disks,) if disks else ())), guest),
        close=guest.close,
        facts={
            **found.facts,
            **({"disks": [f"{disk.device} {format_size(disk.size)}" for disk in guest.disks]} if disks else {}),
        },
    )


class QemuGuest:
    """Keeps Power, Reset, Nic, Doors, Events, SerialConsole, and Disks if it has any, of `hil.machine` for one guest.

    Args:
        hardware: what it is made of.
        fresh_variables: EDK2's empty variables; the guest's own copy is made at the first power-on.
        place: what the bench gave.
        ports: TCP ports of the guest that can be reached whatever it boots.
    """

    def __init__(self, hardware: Hardware, fresh_variables: Path, place: Place, ports: tuple[int, ...]) -> None:
        self._hardware = hardware
        self._fresh_variables = fresh_variables
        self._place = place
        self._ports = ports
        self._forwards: tuple[int, ...] = ()
        self._qmp: Qmp | None = None
        self._capture: GuestCapture | None = None
        self._sessions = 0
        self.console_stream = f"console:{place.node}"
        self.control_stream = f"qemu:{place.node}"
        self._serial_key = f"serial:{place.node}"
        self._qmp_key = f"qmp:{place.node}"

    def on(self, *, deadline: Deadline) -> Acted:
        """Start the process; its moment is just before that was asked for."""
        if self.state() is PowerState.ON:
            return Acted(now_ns())
        self._end_capture()
        place, keeper = self._place, self._place.keeper
        make_missing(self._hardware.disks)
        self._sessions += 1
        self._forwards = tuple(sorted({*self._ports, *place.session.ports}))
        if not self._hardware.variables.exists():
            copy_variables(self._fresh_variables, self._hardware.variables, Cache())
        serial, qmp = (place.directory / f"{place.node}-{what}-{self._sessions}.sock" for what in ("serial", "qmp"))
        keeper.listen(self._serial_key, serial)
        keeper.listen(self._qmp_key, qmp)
        keeper.open_console(self.console_stream, UnixPort(str(serial)), place.session.folder / "console")
        self._capture = self._begin_capture()
        moment = now_ns()
        keeper.spawn(
            self.control_stream,
            self._command(),
            record=place.session.folder / "qemu",
            fds=[self._serial_key, self._qmp_key],
            kill=True,
        )
        if self._capture is None:
            self._qmp = Qmp(qmp, place.node)
        else:
            self._capture.await_ready()
            self._qmp = Qmp(qmp, place.node, self._capture.qemu_runs)
        return Acted(moment)

    def off(self, *, deadline: Deadline) -> Acted:
        """Kill the process and wait until it is gone.

        Raises:
            InfrastructureError: the kernel does not end it in time.
        """
        moment = now_ns()
        if self.state() is PowerState.ON:
            self._place.keeper.signal(self.control_stream, signal.SIGKILL)
            moment = now_ns()
            if self._place.keeper.wait_exit(self.control_stream, deadline=deadline) is None:
                raise InfrastructureError(
                    f"{self._place.node}: QEMU is still there {deadline} after SIGKILL",
                    hint="look for a process in state D (uninterruptible) with `ps`; its storage may hang",
                )
        self.close()
        self._end_capture()
        return Acted(moment)

    @property
    def line(self) -> str:
        """Its UART, by a socket of its own for each power-on."""
        return "QEMU's serial port"

    @property
    def reads_back(self) -> bool:
        """The kernel says whether the process runs."""
        return True

    def state(self) -> PowerState:
        """On while the process runs, as the kernel says it."""
        if self._sessions == 0 or self._place.keeper.exit_status(self.control_stream) is not None:
            return PowerState.OFF
        return PowerState.ON

    def reset(self, *, deadline: Deadline) -> int:
        """QMP `system_reset`: a cold start of the same process."""
        moment = now_ns()
        self._control().execute("system_reset", deadline=deadline)
        return moment

    @property
    def mac(self) -> str:
        """Of the port that boots."""
        return self._place.identity.mac

    def link(self, up: bool, *, deadline: Deadline) -> None:
        """QMP `set_link`: the guest sees its carrier come or go."""
        self._control().execute("set_link", {"name": "nic0", "up": up}, deadline=deadline)

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that were forwarded when it was switched on last."""
        return self._forwards

    def reach(self, port: int, *, deadline: Deadline) -> tuple[str, int]:
        """The loopback address and port behind which the guest's TCP port is.

        Raises:
            MissingPart: no door was made to that port.
        """
        if port not in self._forwards:
            raise MissingPart(
                f"{self._place.node}: no door leads to its port {port}; there are {list(self._forwards)}",
                hint=f"add {port} to the node's `ports:` in the rig file",
            )
        control = self._control()

        def monitor(line: str) -> str:
            return str(control.execute("human-monitor-command", {"command-line": line}, deadline=deadline))

        return self._place.cable.reach(port, monitor, deadline=deadline)

    @property
    def disks(self) -> tuple[Disk, ...]:
        """Its disks, as Linux calls them."""
        return named(self._hardware.disks)

    def close(self) -> None:
        """Leave the control channel; the process goes on."""
        if self._qmp is not None:
            self._qmp.close()
            self._qmp = None

    def fileno(self) -> int:
        """Readable when `take` has events."""
        return self._control().fileno()

    def take(self) -> list[Event]:
        """QMP's events since the last call."""
        return [] if self._qmp is None else self._qmp.take()

    def _command(self) -> list[str]:
        cable = self._place.cable
        qemu = command(
            f"hil-{self._place.node}",
            self._hardware,
            self._place.identity,
            cable.netdev("net0", self._forwards),
            serial=self._serial_key,
            qmp=self._qmp_key,
            capture=[] if self._capture is None else self._capture.qemu_arguments,
        )
        return cable.run(qemu)

    def _begin_capture(self) -> GuestCapture | None:
        place = self._place
        if place.capture == "off":
            return None
        folder = place.session.folder
        return GuestCapture.begin(
            Recording(place.keeper, place.directory, place.node, folder, place.capture, place.secrets())
        )

    def _end_capture(self) -> None:
        if self._capture is not None:
            self._capture.end()
            self._capture = None

    def _control(self) -> Qmp:
        if self._qmp is None:
            raise InfrastructureError(
                f"{self._place.node}: the machine is off; nothing can be asked of it",
                hint="switch it on first",
            )
        return self._qmp
