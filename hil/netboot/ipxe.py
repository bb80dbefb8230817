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
from hil.errors import InfrastructureError

BOOTFILE: Final = "ipxe-arm64.efi"
"""The file that DHCP names to the firmware."""

STARTED: Final = re.compile(rb"hil-ipxe: start")
"""iPXE runs the script."""

FAILED: Final = re.compile(rb"hil-ipxe: failed: ([^\r\n]+)\r?\n")
"""iPXE has given up; the group says at what, and with which number of https://ipxe.org."""


def autoexec(bench: HostPort) -> str:
    """The script: to Matchbox with the lease that the firmware has, or to a last line that says what failed.

    `ifopen` makes the firmware's lease iPXE's own, which saves iPXE's DHCP (3 s). A boot that failed ends in iPXE's
    shell, so that a machine that was kept can be asked.

    Args:
        bench: where the machine finds Matchbox.
    """
    url = f"http://{bench}/boot.ipxe"
    return f"""#!ipxe
echo hil-ipxe: start
ifopen net0
isset ${{net0/ip}} || dhcp net0 || goto no_address
echo hil-ipxe: address ${{net0/ip}}
chain {url} || goto failed
echo hil-ipxe: failed: {url} came back without a boot
goto end
:no_address
echo hil-ipxe: failed: no address by DHCP: ${{errno}}
goto end
:failed
echo hil-ipxe: failed: {url}: ${{errno}}
:end
echo hil-ipxe: the boot ends here, in the shell of iPXE
shell
"""


def write_tftp(directory: Path, *, ipxe: Path, bench: HostPort) -> None:
    """Make the folder that TFTP serves.

    Args:
        directory: made if it is not there.
        ipxe: the EFI build of iPXE for arm64.
        bench: as in `autoexec`.

    Raises:
        InfrastructureError: iPXE cannot be copied, or the folder not be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ipxe, directory / BOOTFILE)
        (directory / "autoexec.ipxe").write_text(autoexec(bench), "ascii")
    except OSError as error:
        raise InfrastructureError(
            f"the TFTP folder {directory} cannot be filled: {error}",
            hint="see that the disk has room and iPXE is there: `hil doctor`",
        ) from error
