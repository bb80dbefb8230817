"""What a boot's packets.json says, as a page shows it; and where there is none, why. Reads no packet."""

from __future__ import annotations

from pathlib import Path

from hil.report.reading import Record, inner, load, number, objects, text

_NUMBERS = ("seconds", "error_seconds", "first_byte_seconds", "end_seconds", "size", "bytes", "blocks", "status")
_MORE_NUMBERS = ("length", "retransmissions", "client_arch")
_TEXTS = {
    "dhcp": (
        *("message", "client", "mac", "from", "to", "server", "address", "boot_file", "next_server", "xid"),
        *("user_class", "vendor_class"),
    ),
    "tftp": ("client", "server", "file", "outcome", "error"),
    "http": ("client", "server", "method", "target", "host", "user_agent", "outcome"),
}
MOST = 500
"""Rows of a kind that a page has at most."""


def wire_of(folder: Path, boot: Record) -> dict[str, object]:
    """The conversations of a boot and what is missing of them.

    Args:
        folder: the boot's.
        boot: its boot.json.
    """
    record, why = load(folder / "packets.json")
    if why:
        return {"why": _why_not(folder, boot, why), "note": "", "dhcp": [], "tftp": [], "http": []}
    capture = inner(record.get("capture"))
    notes = [text(capture.get("note"))]
    found: dict[str, object] = {}
    for kind in _TEXTS:
        rows = objects(record.get(kind))
        found[kind] = [_row(kind, row) for row in rows[:MOST]]
        if len(rows) > MOST:
            notes.append(f"of {len(rows)} {kind.upper()} rows the first {MOST} are here; packets.json has all")
    return {
        "why": "",
        "note": "; ".join(note for note in notes if note),
        "packets": number(capture.get("packets")),
        "bytes": number(capture.get("bytes")),
        "payloads": text(capture.get("payloads")),
        **found,
    }


def _why_not(folder: Path, boot: Record, why: str) -> str:
    if (folder / "packets.json").exists():
        return why
    note = text(inner(boot.get("packets")).get("note"))
    if note:
        return note
    if (folder / "packets.pcapng").exists():
        return "packets were captured, but not read: packets.pcapng opens in Wireshark"
    return "none were captured: --capture=off, a machine whose packets hil does not see, or an older record"


def _row(kind: str, row: Record) -> dict[str, object]:
    options = inner(row.get("options"))
    return {
        **{key: number(row[key]) for key in (*_NUMBERS, *_MORE_NUMBERS) if key in row},
        **{key: text(row.get(key)) for key in _TEXTS[kind]},
        "options": [[text(key), text(value)] for key, value in options.items()],
    }
