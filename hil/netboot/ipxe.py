"""What the firmware fetches by TFTP: iPXE, and the script that takes it to Matchbox.

EFI builds of iPXE fetch `autoexec.ipxe` from beside their own file. Without it, iPXE would ask DHCP once more, be
given itself, and start over for ever. Writes two files; serves none.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

from hil.config.model import HostPort
from hil.console.deaths import Death
from hil.console.ipxe import decode
from hil.console.transcript import printable
from hil.errors import InfrastructureError

BOOTFILE: Final = "ipxe-arm64.efi"
"""The file that DHCP names to the firmware."""

_NO_ADDRESS: Final = "no address by DHCP"


def _given_up(match: re.Match[bytes], line: str) -> str:
    words, code = printable(match["words"]), match["code"]
    if code is None:
        return f"iPXE gave up: {words}"
    meaning = decode(int(code, 16))
    return f"iPXE gave up: {words} ({meaning.words}, https://ipxe.org/{int(code, 16):08x})"


SCRIPT_DEATHS: Final = (
    Death(
        name="bench script, no address",
        pattern=rb"hil-ipxe: failed: (?P<words>" + _NO_ADDRESS.encode() + rb")(?:: 0x(?P<code>[0-9a-f]{1,8}))?\r?\n",
        explain=_given_up,
        hint="no DHCP server of this segment answered iPXE; look at the segment's services",
        final="Always: the script ends in iPXE's shell.",
        fault="bench",
    ),
    Death(
        name="bench script",
        pattern=rb"hil-ipxe: failed: (?!"
        + _NO_ADDRESS.encode()
        + rb")(?P<words>[^\r\n]{1,300}?)(?:: 0x(?P<code>[0-9a-f]{1,8}))?\r?\n",
        explain=_given_up,
        hint="read what iPXE printed before: which file it fetched last, and what came of it",
        final="Always: the script ends in iPXE's shell.",
    ),
)
"""iPXE has come to the script's end without a boot: at what, and with which number of https://ipxe.org."""


def autoexec(bench: HostPort) -> str:
    """The script: to Matchbox with the lease that the firmware has, or to a last line that says what failed.

    `ifopen` makes the firmware's lease iPXE's own, which saves iPXE's DHCP (3 s). A boot that failed ends in iPXE's
    shell, so that a machine that was kept can be asked.

    Args:
        bench: where the machine finds Matchbox.
    """
    return _script("ifopen net0\nisset ${net0/ip} || dhcp net0 || goto no_address", f"http://{bench}/boot.ipxe")


def autoexec_by_dhcp() -> str:
    """The script: to where the DHCP server sends iPXE, which it tells from the firmware by its user class.

    Without it iPXE would do the same, but 6 s later (measured with 1.21.1): it waits 2 s for a key, and 4 s for an
    IPv6 router that is not there, as `dhcp` would too (ipxe, src/hci/commands/ifmgmt_cmd.c).
    """
    return _script("ifconf --configurator dhcp net0 || goto no_address", "${filename}")


def _script(get_address: str, url: str) -> str:
    return f"""#!ipxe
echo hil-ipxe: start
{get_address}
echo hil-ipxe: address ${{net0/ip}}
chain {url} || goto failed
echo hil-ipxe: failed: {url} came back without a boot
goto end
:no_address
echo hil-ipxe: failed: {_NO_ADDRESS}: ${{errno}}
goto end
:failed
echo hil-ipxe: failed: {url}: ${{errno}}
:end
echo hil-ipxe: the boot ends here, in the shell of iPXE
shell
"""


def write_tftp(directory: Path, *, ipxe: Path, script: str) -> None:
    """Make the folder that TFTP serves.

    Args:
        directory: made if it is not there.
        ipxe: the EFI build of iPXE for arm64.
        script: what iPXE does.

    Raises:
        InfrastructureError: iPXE cannot be copied, or the folder not be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ipxe, directory / BOOTFILE)
        (directory / "autoexec.ipxe").write_text(script, "ascii")
        for file in directory.iterdir():
            # As root, dnsmasq serves only what everyone may read (dnsmasq(8), --tftp-secure).
            file.chmod(0o644)
    except OSError as error:
        raise InfrastructureError(
            f"the TFTP folder {directory} cannot be filled: {error}",
            hint="see that the disk has room and iPXE is there: `hil doctor`",
        ) from error
