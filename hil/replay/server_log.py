"""What a DHCP and TFTP server logged while a recorded board booted: dnsmasq's log beside the console's, line by line.

It says in which order a real board asks for what. Reads a file; what its lines mean stands in
`hil.timeline.dnsmasq_log`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hil.errors import InfrastructureError
from hil.timeline.dnsmasq_log import (
    Answered,
    Asked,
    Failed,
    Ignored,
    NotFound,
    Reader,
    Record,
    Sent,
    UserClass,
    VendorClass,
)

FILE: Final = "dnsmasq.log"


def read_server_log(folder: Path) -> tuple[str, ...]:
    """Each thing that was asked and answered, in a line; nothing where the folder has no such log.

    Args:
        folder: of the recording.

    Raises:
        InfrastructureError: the log cannot be read.
    """
    try:
        data = (folder / FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise InfrastructureError(
            f"the record {folder / FILE} cannot be read: {error.strerror}", hint="see whose file it is"
        ) from error
    reader = Reader()
    records = (reader.read(line) for line in data.split(b"\n"))
    return tuple(_words(record) for record in records if record is not None)


def _words(record: Record) -> str:
    """Without numbers of exchanges, which are by chance."""
    match record:
        case VendorClass(_, text):
            return f"vendor class {text}"
        case UserClass(_, text):
            return f"user class {text}"
        case Asked(kind, mac):
            return f"{kind} {mac}"
        case Ignored(mac, why):
            return f"not answered {mac}: {why}"
        case Answered(kind, mac, address):
            return " ".join(filter(None, (kind, mac, address)))
        case Sent(file, address):
            return f"sent {file} to {address}"
        case NotFound(file):
            return f"not found {file}"
        case Failed(file, _, why):
            return f"not sent {file}: {why or 'the client fell silent'}"
        case _:  # a Reader gives no other
            return ""
