"""A tap device as a board's wire. Makes none: the bench's network has one for each board."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import socket
import struct
from types import TracebackType
from typing import Final

# linux/if_tun.h
_TUNSETIFF: Final = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_TUN: Final = "/dev/net/tun"
# What linux, drivers/net/tun.c, says to a frame for an interface that is down, and for one that is gone.
_NO_WIRE: Final = frozenset({errno.EIO, errno.EBADFD})
_FRAME: Final = 1 << 16
_QUEUE: Final = 1000
"""Frames that nobody has taken yet; as many as a tap itself holds (linux, drivers/net/tun.c, TUN_READQ_SIZE: 500)."""


class Tap:
    """An open tap, of one event loop; the network sees a link as long as it is open.

    Args:
        name: of the interface; it is there already.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._descriptor = -1
        self._frames: asyncio.Queue[bytes] = asyncio.Queue(_QUEUE)

    def __enter__(self) -> Tap:
        """Open it.

        Raises:
            OSError: there is no such tap, or another program has it.
        """
        # Without this the kernel would make one, which is no port of the bridge.
        socket.if_nametoindex(self._name)
        self._descriptor = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            request = struct.pack("16sH22x", self._name.encode(), _IFF_TAP | _IFF_NO_PI)
            fcntl.ioctl(self._descriptor, _TUNSETIFF, request)
        except OSError:
            os.close(self._descriptor)
            raise
        asyncio.get_running_loop().add_reader(self._descriptor, self._readable)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)

    def send(self, frame: bytes) -> None:
        """Put a frame on it; lost when the queue is full, and while the interface is down or when it is gone."""
        try:
            os.write(self._descriptor, frame)
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno not in _NO_WIRE:
                raise

    async def recv(self) -> bytes:
        """The next frame."""
        return await self._frames.get()

    def _readable(self) -> None:
        try:
            while True:
                self._frames.put_nowait(os.read(self._descriptor, _FRAME))
        except (BlockingIOError, asyncio.QueueFull):
            pass  # all of them read, or more than anybody wants
        except OSError:
            # The interface is gone with its network: from then on nothing comes.
            asyncio.get_running_loop().remove_reader(self._descriptor)
