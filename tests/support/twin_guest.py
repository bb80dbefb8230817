"""A program that is to the bench twin what QEMU is: descriptors of two listening sockets, for its UART and for QMP.

Run as `twin_guest.py SERIAL QMP FILE`: says its process id in FILE and "power on" on its UART, echoes what is typed
there, and ends when it is told "q", but not when its sockets are closed, as QEMU does not. Told "R" it ends as QEMU
does with -no-reboot when its guest resets itself. Says on its UART whether somebody has left QMP's negotiation mode.
"""

import json
import os
import signal
import socket
import sys
from pathlib import Path

RESET = b'{"timestamp": {}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}\r\n'


def main(serial: int, qmp: int, file: str) -> None:
    uart, _ = socket.socket(fileno=serial).accept()
    monitor, _ = socket.socket(fileno=qmp).accept()
    Path(file).write_text(str(os.getpid()), "ascii")
    uart.sendall(b"power on\r\n")
    monitor.sendall(b'{"QMP": {"version": {}, "capabilities": []}}\r\n')
    asked = json.loads(monitor.recv(4096))
    uart.sendall(f"qmp: {asked['execute']}\r\n".encode())
    while data := uart.recv(4096):
        uart.sendall(data)
        if b"R" in data:
            monitor.sendall(RESET)
            sys.exit(0)
        if b"q" in data:
            sys.exit(3 if b"!" in data else 0)
    signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
