"""What is said between `hil.console.shell` and a machine's shell: a script for the prompt, requests, answers. No I/O.

The script is typed at the prompt. It makes a private folder, then reads requests, a line each that begins with half of
the session's token (what else is typed is none), and answers each with a frame that ends with the token and the
request's number. Every request may be sent again: a command runs once, whatever its requests were lost or doubled.
What the terminal echoes is never taken for an answer, because the token is typed in halves and printed in one piece.

Others print on the same console, the kernel above all, and between any two bytes. So what a command printed is kept
in files there and fetched in blocks, each with the SHA-256 of its bytes: a block that is not right is asked for again.
A line of the kernel begins with "[" where it prints times (Linux kernel/printk, print_time), which base64 has not
(RFC 4648, 4), so it can be taken out; the digest says whether that was right.

Needed there: a POSIX shell, and base64, cat, dd, head, mkdir, rm, sha256sum, tail and wc, as busybox and coreutils
have them; a folder to write to in /tmp, /run or /dev/shm.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from dataclasses import dataclass

LONGEST_COMMAND = (1 << 17) - 1
"""Bytes of one argument of a program, its end not counted: MAX_ARG_STRLEN (Linux include/uapi/linux/binfmts.h)."""

_CHUNK = 2048
"""Bytes of a command in one line; a terminal takes lines of 4095 (N_TTY_BUF_SIZE, Linux drivers/tty/n_tty.c)."""

_PLACES = "/tmp /run /dev/shm"

_SCRIPT = r"""
%s() { (
_token=$1$2
for _dir in %s; do
    _dir=$_dir/hil-$_token
    [ -d $_dir ] || mkdir -m 700 $_dir 2>/dev/null && break
done

# The end of the answer to request $1.
_end() { echo; echo ">$_token $1>$_token $1>"; }

# Answer request $1 by the result's bytes from $2 times $3 on, $2 at most.
_block() {
    dd if=$_dir/result bs=$2 skip=$3 count=1 >$_dir/block 2>/dev/null
    echo; echo "<$_token $1 $(sha256sum <$_dir/block)"
    base64 $_dir/block
    _end $1
}

# Make the result: a line with the status $1 and how long both outputs are by now, then so much of them.
_finish() {
    _status=$1
    set -- $(wc -c $_dir/out $_dir/err)
    echo $_status $1 $3 >$_dir/result
    head -c $1 $_dir/out >>$_dir/result
    [ $3 = 0 ] || head -c $3 $_dir/err >>$_dir/result
}

# Run the command if the file's SHA-256 is $1. The dot keeps the newlines at its end. It has a shell of its own within
# parentheses, so that what this shell says of a signal that ended it does not go to its outputs.
_run() {
    [ "$(sha256sum <$_dir/command)" = "$1  -" ] || return
    _command=$(base64 -d $_dir/command; echo .)
    read -r _pid _rest </proc/self/stat
    echo $_pid >$_dir/group
    (exec sh -c "${_command%%.}" </dev/null >$_dir/out 2>$_dir/err)
    _finish $?
}

# Kill what is left of it when the terminal has interrupted the rest, and make a result of the ends of its outputs. Its
# status is that of a command that was killed. A command that did not begin has none.
_kill() {
    [ -f $_dir/group ] || return
    kill -9 -$(cat $_dir/group)
    for _file in out err; do
        tail -c 2000 $_dir/$_file >$_dir/end
        cat $_dir/end >$_dir/$_file
    done
    _finish 137
}

_end 0
while read -r _whose _what _number _1 _2 _3; do
    [ "$_whose" = $1 ] || continue
    case $_what in
    put) echo $_1 >$_dir/command; _end $_number;;
    add) echo $_1 >>$_dir/command; _end $_number;;
    run) [ -f $_dir/result ] || _run $_3; _block $_number $_1 $_2;;
    get) _block $_number $_1 $_2;;
    kill) _kill 2>/dev/null; _block $_number $_1 $_2;;
    bye) rm -r $_dir; break;;
    esac
done
) }
"""


def definition(name: str) -> bytes:
    """What is typed at the prompt to make the script known to the shell as a function.

    Args:
        name: of the function.
    """
    lines = (line.strip() for line in (_SCRIPT % (name, _PLACES)).splitlines())
    return "\r".join(line for line in lines if line and not line.startswith("#")).encode()


@dataclass(frozen=True, slots=True)
class Extent:
    """What the first block of a result says of the whole.

    Args:
        status: the command's exit status, 0 to 255; 128 and the signal's number when a signal ended it.
        begin: where in the result its standard output begins.
        stdout: bytes of that.
        stderr: bytes of its standard error, which follows.
    """

    status: int
    begin: int
    stdout: int
    stderr: int

    @property
    def end(self) -> int:
        """Bytes of the whole result."""
        return self.begin + self.stdout + self.stderr


class Talk:
    """One command's talk with the script.

    Args:
        command: what the machine's `sh -c` is given.
    """

    def __init__(self, command: bytes) -> None:
        self.token = secrets.token_hex(8)
        encoded = base64.b64encode(command)
        self._chunks = [encoded[start : start + _CHUNK] for start in range(0, len(encoded), _CHUNK)] or [b""]
        lines = b"".join(chunk + b"\n" for chunk in self._chunks)
        self._digest = hashlib.sha256(lines).hexdigest()
        self._number = 0

    def call(self, name: str) -> bytes:
        """What is typed to start the script; started again it finds the same folder. Answers as if to request 0."""
        return f"{name} {self.token[:8]} {self.token[8:]}".encode()

    def bring(self) -> list[tuple[int, bytes]]:
        """The requests, with their numbers, that bring the command over; one that was doubled spoils its digest."""
        return [self._request("add" if index else "put", chunk.decode()) for index, chunk in enumerate(self._chunks)]

    def run(self, size: int) -> tuple[int, bytes]:
        """Run the command if that was not done yet; answered by the result's first `size` bytes."""
        return self._request("run", str(size), "0", self._digest)

    def kill(self, size: int) -> tuple[int, bytes]:
        """Kill what is left of the command; answered by the first `size` bytes of a result with the last 2000 bytes of
        each stream."""
        return self._request("kill", str(size), "0")

    def get(self, size: int, index: int) -> tuple[int, bytes]:
        """Answered by the result's bytes from `index` times `size` on, `size` at most."""
        return self._request("get", str(size), str(index))

    def bye(self) -> bytes:
        """Remove the folder and end; nothing answers but the prompt."""
        return f"{self.token[:8]} bye".encode()

    def sweep(self) -> bytes:
        """A line for the prompt, to remove the folder when the script is gone."""
        return ("rm -rf " + " ".join(f"{place}/hil-{self.token}" for place in _PLACES.split())).encode()

    def end(self, number: int) -> bytes:
        """A pattern for the end of the answer to a request; it is printed twice, for one may be broken in two."""
        return rb">%s %d>" % (self.token.encode(), number)

    def block(self, said: bytes, number: int) -> bytes | None:
        """The block in what the machine said up to an answer's end; None when it did not arrive right.

        Args:
            said: everything from the request on.
            number: the request's.
        """
        clean = _KERNEL_LINE.sub(b"", said)
        head = re.compile(rb"<%s %d ([0-9a-f]{64})  -\r?\n" % (self.token.encode(), number))
        for found in head.finditer(clean):
            body = b"".join(clean[found.end() :].partition(b">")[0].split())
            try:
                data = base64.b64decode(body, validate=True)
            except binascii.Error:
                continue
            if hashlib.sha256(data).hexdigest().encode() == found[1]:
                return data
        return None

    def _request(self, *words: str) -> tuple[int, bytes]:
        self._number += 1
        return self._number, " ".join((self.token[:8], words[0], str(self._number), *words[1:])).encode()


def extent(first: bytes) -> Extent | None:
    """What a result's first block says of it; None when the machine had no result to send a block of."""
    found = _RESULT.match(first)
    return None if found is None else Extent(int(found[1]), found.end(), int(found[2]), int(found[3]))


_KERNEL_LINE = re.compile(rb"\[[^\n]*\n")
_RESULT = re.compile(rb"(\d{1,3}) (\d{1,18}) (\d{1,18})\n")
