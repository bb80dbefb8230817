"""A program in QEMU's place: takes its arguments, speaks QMP and has a serial port, in 30 ms and without a guest.

Says `hello` on its console and echoes what it is sent; "die" there ends it with words on standard error. What QMP
asks of the link and the guest's reset is told on the console. Where its packets are captured it sends one, which is
FRAME. Run as a program; see `install`.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import struct
import sys
import time
from pathlib import Path

FRAME = bytes.fromhex("ffffffffffff525400000001 0806 0001080006040001") + bytes(20)
"""An ARP packet."""


def install(folder: Path) -> Path:
    """The program as a file that can be executed, for where a path is wanted."""
    program = folder / "qemu-system-aarch64"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{__file__}" "$@"\n')
    program.chmod(0o755)
    return program


def main(arguments: list[str]) -> int:
    """Run until told to die, or killed."""
    if "--version" in arguments:
        print("QEMU emulator version 7.2.22 (not really)", flush=True)
        return 0
    send_packet(arguments)
    serial, control = (listener(arguments, name) for name in ("serial0", "qmp0"))
    print("qemu: fake", flush=True)
    console, _ = serial.accept()
    console.sendall(b"hello\r\n" + json.dumps(arguments).encode() + b"\r\n")
    with selectors.DefaultSelector() as selector:
        selector.register(console, selectors.EVENT_READ)
        selector.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is control:
                    monitor, _ = control.accept()
                    say(monitor, {"QMP": {"version": {}, "capabilities": []}})
                    selector.register(monitor, selectors.EVENT_READ, monitor)
                elif key.fileobj is console:
                    data = console.recv(4096)
                    if not data or b"die" in data:
                        print("qemu: fake: it dies", file=sys.stderr, flush=True)
                        return 1
                    console.sendall(data)
                else:
                    answer(key.data, console, selector)


def listener(arguments: list[str], name: str) -> socket.socket:
    """The inherited socket of the character device of that name."""
    [option] = [item for item in arguments if item.startswith(f"socket,id={name},fd=")]
    return socket.socket(fileno=int(option.split("fd=")[1].split(",")[0]))


def send_packet(arguments: list[str]) -> None:
    """As `filter-dump` would, and keep the file open."""
    for option in arguments:
        if option.startswith("filter-dump,"):
            descriptor = os.open(option.split("file=")[1].split(",")[0], os.O_WRONLY | os.O_TRUNC)
            os.write(descriptor, struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65536, 1))
            os.write(descriptor, struct.pack("=iiII", 5, 6, len(FRAME), len(FRAME)) + FRAME)


def answer(monitor: socket.socket, console: socket.socket, selector: selectors.BaseSelector) -> None:
    """Take in QMP requests and answer each."""
    text = monitor.recv(65536).decode()
    if not text:
        selector.unregister(monitor)
        monitor.close()
        return
    while text := text.lstrip():
        request, end = json.JSONDecoder().raw_decode(text)
        text = text[end:]
        given = request.get("arguments", {})
        result: object = {}
        match request["execute"]:
            case "set_link":
                console.sendall(f"link {given['name']} {'up' if given['up'] else 'down'}\r\n".encode())
            case "system_reset":
                seconds, fraction = divmod(time.time_ns(), 10**9)
                stamp = {"seconds": seconds, "microseconds": fraction // 1000}
                say(monitor, {"event": "RESET", "data": {"guest": False}, "timestamp": stamp})
                console.sendall(b"reset\r\n")
            case "human-monitor-command":
                result = usernet() if given["command-line"] == "info usernet" else "?"
        say(monitor, {"return": result, "id": request.get("id")})


def usernet() -> str:
    """What the monitor says of a guest whose port 8080 is behind port 40123 (QEMU 7.2, `info usernet`)."""
    return (
        "Hub -1 (net0):\r\n"
        "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n"
        "  TCP[HOST_FORWARD]  12       127.0.0.1 40123       10.0.2.15  8080     0     0\r\n"
    )


def say(monitor: socket.socket, message: dict[str, object]) -> None:
    """One QMP message."""
    monitor.sendall(json.dumps(message).encode() + b"\r\n")


if __name__ == "__main__":
    # Not by SystemExit: nothing here needs Python's own end, which takes longer than a kill.
    os._exit(main(sys.argv[1:]))
