"""Overwrites secrets in what is kept of packets, in place: a packet stays as long as it was.

A secret that two packets of one connection share is found too, but for up to three bytes at the end of the first. What
HTTP's fields for credentials say is secret, whoever knows it.
"""

from __future__ import annotations

_SHORTEST = 4
_MAX_FLOWS = 1024
# RFC 9110, 11.6.2 and 11.7.2; RFC 6265, 4.
_CREDENTIALS = frozenset((b"authorization", b"proxy-authorization", b"cookie", b"set-cookie"))


class Hiding:
    """What must not be kept.

    Args:
        secrets: the values, in each form in which they may be sent; those shorter than four bytes are passed over,
            for every second packet has them by chance.
    """

    def __init__(self, secrets: list[bytes]) -> None:
        self._secrets = sorted({secret for secret in secrets if len(secret) >= _SHORTEST}, key=len, reverse=True)
        self._longest = max(map(len, self._secrets), default=0)
        self._shortest = len(self._secrets[-1]) if self._secrets else 0
        self._by_beginning: dict[bytes, list[bytes]] = {}
        for secret in self._secrets:
            self._by_beginning.setdefault(secret[:_SHORTEST], []).append(secret)
        self._tails: dict[bytes, bytes] = {}
        self._inside: set[bytes] = set()

    def hide(self, kept: bytes, payload: int, flow: bytes) -> bytes:
        """The kept bytes of a packet without the secrets.

        Args:
            kept: of the whole frame.
            payload: where its payload begins in them.
            flow: of which connection it goes on, or "".
        """
        # Most of what is kept of a boot is the four bytes of TFTP's blocks and acknowledgements.
        if not self._secrets or (not flow and len(kept) - payload < self._shortest):
            return kept
        tail = self._tails.get(flow, b"") if flow else b""
        said = tail + kept[payload:]
        hidden = said
        for secret in self._secrets:
            hidden = hidden.replace(secret, b"*" * len(secret))
        if flow:
            self._remember(flow, said)
            begun = self._begun(said)
            hidden = hidden[: len(hidden) - begun] + b"*" * begun
        return kept[:payload] + hidden[len(tail) :]

    def hide_credentials(self, kept: bytes, payload: int, flow: bytes) -> bytes:
        """HTTP's heads without the values of fields that carry credentials; arguments and result as of `hide`."""
        lines = kept[payload:].split(b"\n")
        inside = flow in self._inside
        for number, line in enumerate(lines):
            name, colon, value = (b"", b"", line) if inside else line.partition(b":")
            inside = inside or name.strip().lower() in _CREDENTIALS
            if inside:
                said = value.rstrip(b"\r")
                lines[number] = name + colon + b"*" * len(said) + value[len(said) :]
            # The last piece goes on in the next packet.
            inside = inside and number == len(lines) - 1
        (self._inside.add if inside else self._inside.discard)(flow)
        return kept[:payload] + b"\n".join(lines)

    def _remember(self, flow: bytes, said: bytes) -> None:
        if len(self._tails) >= _MAX_FLOWS:
            self._tails.clear()
        self._tails[flow] = said[-(self._longest - 1) :]

    def _begun(self, said: bytes) -> int:
        """How many bytes at the end may be the beginning of a secret."""
        for at in range(max(0, len(said) - self._longest + 1), len(said) - _SHORTEST + 1):
            possible = self._by_beginning.get(said[at : at + _SHORTEST])
            if possible is not None and any(secret.startswith(said[at:]) for secret in possible):
                return len(said) - at
        return 0
