"""What is said between `hil.console.shell` and a machine's shell: a script for the prompt, requests, answers. No I/O.

The script is typed at the prompt. It makes a private folder, then reads requests, a line each, and answers each with
a frame that ends with the session's token and the request's number. Every request may be sent again: a command runs
once, whatever its requests were lost or doubled. What the terminal echoes is never taken for an answer, because the
token is typed in two halves and printed in one piece.

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

_SCRIPT = r"""%s(){ (_t=$1$2;for _d in %s;do _d=$_d/hil-$_t;[ -d $_d ]||mkdir -m 700 $_d 2>/dev/null&&break;done
_e(){ echo;echo ">$_t $1>$_t $1>";}
_b(){ dd if=$_d/r bs=$2 skip=$3 count=1 >$_d/b 2>/dev/null;echo;echo "<$_t $1 $(sha256sum <$_d/b)";base64 $_d/b;_e $1;}
_r(){ _s=$1;set -- $(wc -c $_d/o $_d/e);echo $_s $1 $3 >$_d/r
head -c $1 $_d/o>>$_d/r;[ $3 = 0 ]||head -c $3 $_d/e>>$_d/r;}
_g(){ [ "$(sha256sum <$_d/c)" = "$1  -" ]||return;_x=$(base64 -d $_d/c;echo .);read -r _p _f </proc/self/stat
echo $_p>$_d/p;(exec sh -c "${_x%%.}" </dev/null >$_d/o 2>$_d/e);_r $?;}
_k(){ kill -9 -$(cat $_d/p);for _f in o e;do tail -c 2000 $_d/$_f>$_d/t;cat $_d/t>$_d/$_f;done;_r 0;}
_e 0;while read -r _q _i _1 _2 _3;do case $_q in p)echo $_1 >$_d/c;_e $_i;;a)echo $_1 >>$_d/c;_e $_i;;
g)[ -f $_d/r ]||_g $_3;_b $_i $_1 $_2;;b)_b $_i $_1 $_2;;k)_k 2>/dev/null;_b $_i $_1 $_2;;x)rm -r $_d;break;;esac;done)
}"""


def definition(name: str) -> bytes:
    """What is typed at the prompt to make the script known to the shell as a function.

    Args:
        name: of the function.
    """
    return (_SCRIPT % (name, _PLACES)).replace("\n", "\r").encode()


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

    def puts(self) -> list[tuple[int, bytes]]:
        """The requests, with their numbers, that bring the command over; one that was doubled spoils its digest."""
        return [self._request("a" if index else "p", chunk.decode()) for index, chunk in enumerate(self._chunks)]

    def go(self, size: int) -> tuple[int, bytes]:
        """Run the command if that was not done yet; answered by the result's first `size` bytes."""
        return self._request("g", str(size), "0", self._digest)

    def kill(self, size: int) -> tuple[int, bytes]:
        """Kill what is left of the command; answered by the first `size` bytes of a result with the last 2000 bytes of
        each stream."""
        return self._request("k", str(size), "0")

    def fetch(self, size: int, index: int) -> tuple[int, bytes]:
        """Answered by the result's bytes from `index` times `size` on, `size` at most."""
        return self._request("b", str(size), str(index))

    def bye(self) -> bytes:
        """Remove the folder and end; nothing answers but the prompt."""
        return b"x"

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
        return self._number, " ".join((words[0], str(self._number), *words[1:])).encode()


def extent(first: bytes) -> Extent | None:
    """What a result's first block says of it; None when the machine had no result to send a block of."""
    found = _RESULT.match(first)
    return None if found is None else Extent(int(found[1]), found.end(), int(found[2]), int(found[3]))


_KERNEL_LINE = re.compile(rb"\[[^\n]*\n")
_RESULT = re.compile(rb"(\d{1,3}) (\d{1,18}) (\d{1,18})\n")
