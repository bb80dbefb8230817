"""Commands for the shell on a machine's console: exit status, standard output and standard error, byte for byte.

For a shell at its prompt, on a terminal that echoes; nobody logs in here, and nothing is known of testinfra. How the
bytes travel is in `hil.console.shell_wire`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from hil.clock import Deadline, now_ns
from hil.console.console import Console
from hil.console.expect import Found
from hil.console.prompt import STARTED_ANEW, Late, Prompt
from hil.console.shell_wire import LONGEST_COMMAND, Extent, Talk, definition, extent
from hil.console.transcript import printable
from hil.errors import NodeError, UsageError
from hil.redaction import MARK

_SMALLEST, _FIRST, _LARGEST = 1 << 6, 1 << 12, 1 << 16
# A block that took longer is followed by no larger one: on a slow line that would look lost, and be asked for twice.
_LARGER_WHEN_WITHIN_NS = 500_000_000
_CLEANING_UP = 10.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did.

    Args:
        status: its exit status, 0 to 255; 128 and the signal's number when a signal ended it.
        stdout: what it wrote to its standard output.
        stderr: what it wrote to its standard error.
    """

    status: int
    stdout: bytes
    stderr: bytes


class _CutShort(Exception):
    """The deadline passed while the result was fetched; holds how many bytes of it came. Never leaves this module."""

    def __init__(self, came: int) -> None:
        super().__init__(came)
        self.came = came


class ShellSession:
    """The shell behind one console. For one thread; between two commands the console is anybody's.

    Args:
        console: of the machine.
        prompt: what the shell prints when it waits for a command.
        patience: seconds without an answer after which a request is sent again, then twice that, and so on.
    """

    def __init__(self, console: Console, prompt: bytes, *, patience: float = 2.0) -> None:
        self._console = console
        self._prompt = Prompt(console, prompt, patience / 2)
        self._patience = patience
        self._function = f"hil_{secrets.token_hex(4)}"
        self._defined = False
        self._left: list[Talk] = []

    def run(self, command: str | bytes, deadline: Deadline) -> Ran:
        """Run `sh -c COMMAND` on the machine, its standard input empty, and fetch what it printed.

        Programs that it leaves in the background may go on; what they print after its end is not fetched.

        Args:
            command: at most 128 KiB, without a zero byte; a str is sent as UTF-8.
            deadline: for all of it, the transfer too. To interrupt a command, up to 10 s are added.

        Raises:
            NodeError: it did not end in time (it is interrupted, and the error has its last words), its output could
                not be fetched in time, no shell answers, or the machine died, went off or restarted.
            InfrastructureError: the stream was closed, or the machine died of the bench.
            UsageError: no shell can be given such a command.
        """
        raw = command.encode() if isinstance(command, str) else command
        self._check(raw)
        talk = Talk(raw)
        try:
            self._begin(talk, deadline)
        except Late:
            raise self._no_shell(deadline) from None
        ran = None
        try:
            while ran is None:
                ran = self._fetch(talk, self._execute(talk, deadline), deadline)
        except _CutShort as cut:
            raise self._cut_short(talk, raw, cut.came, deadline) from None
        except Late:
            raise self._hung(talk, raw, deadline) from None
        self._leave(talk)
        return ran

    def _check(self, raw: bytes) -> None:
        if b"\0" in raw or len(raw) > LONGEST_COMMAND:
            what = "holds a zero byte" if b"\0" in raw else f"has {len(raw)} bytes, more than {LONGEST_COMMAND}"
            raise UsageError(
                f"{self._console.name}: the command {_short(raw)} {what}",
                hint="bring data to the machine in encoded parts: echo PART | base64 -d >> FILE",
            )

    def _begin(self, talk: Talk, deadline: Deadline) -> None:
        """Have the script on the machine read requests. A slow line takes long to bring it there: patience doubles."""
        wait = self._patience
        while True:
            self._prompt.come(deadline)
            # Who was interrupted while it still had its end to hear could not remove its folder.
            over = [left for left in self._left if left is not talk]
            sweep = b"".join(left.sweep() + b"\r" for left in over)
            define = b"" if self._defined else definition(self._function) + b"\r"
            self._left = [*over, talk]
            self._prompt.type(sweep + define + talk.call(self._function))
            self._defined = self._prompt.seen(deadline.sooner(wait), talk.end(0)) is not None
            if self._defined:
                self._left = [talk]
                return
            if deadline.expired:
                raise Late
            wait *= 2

    def _leave(self, talk: Talk) -> None:
        self._console.send_line(talk.bye())
        if self._prompt.awaited():
            self._left.remove(talk)

    def _execute(self, talk: Talk, deadline: Deadline) -> bytes | None:
        """Bring the command over and have it run; returns the result's first block, if that came right."""
        for number, line in talk.bring():
            self._ask(talk, number, line, deadline)
        return self._block(talk, talk.run(_FIRST), deadline)

    def _fetch(self, talk: Talk, block: bytes | None, deadline: Deadline) -> Ran | None:
        """The result, in blocks as large as the line bears: after one that came wrong, they are smaller.

        None when there is no result: the command came over wrong, so it was not run.
        """
        result, whole, size, asked = bytearray(), None, _FIRST, now_ns()
        while True:
            if block is None:
                size = max(_SMALLEST, size // 2)
            else:
                whole = extent(block) if whole is None else whole
                if whole is None:
                    return None
                if len(block) != min(size, whole.end - len(result)):
                    raise self._lost(len(result) + len(block), whole)
                result += block
                if len(result) == whole.end:
                    return _ran(whole, result)
                quick = now_ns() - asked < _LARGER_WHEN_WITHIN_NS
                if quick and size < _LARGEST and len(result) % (2 * size) == 0:
                    size *= 2
            asked = now_ns()
            try:
                block = self._block(talk, talk.get(size, len(result) // size), deadline)
            except Late:
                raise _CutShort(len(result)) from None

    def _block(self, talk: Talk, request: tuple[int, bytes], deadline: Deadline) -> bytes | None:
        number, line = request
        said = self._ask(talk, number, line, deadline)
        block = talk.block(said, number)
        if block is None and MARK.encode() in said:
            self._leave(talk)
            raise UsageError(
                f"{self._console.name}: what the command printed holds a secret, which is kept out of records",
                hint="let the command say something about it instead: a digest, or whether it is there",
            )
        return block

    def _ask(self, talk: Talk, number: int, line: bytes, deadline: Deadline) -> bytes:
        """Send a request until it is answered; returns what was said up to the answer's end."""
        console, wait = self._console, self._patience
        start = console.transcript.end
        while not deadline.expired:
            console.send_line(line)
            found = self._prompt.seen(deadline.sooner(wait), talk.end(number), self._prompt.pattern, STARTED_ANEW)
            if found is not None and found.index:
                raise self._broken_off(talk, found)
            if found is not None:
                return console.transcript.bytes(start, found.start)
            wait *= 2
        raise Late

    def _broken_off(self, talk: Talk, found: Found) -> NodeError:
        restarted = found.index > 1
        if not restarted:
            self._prompt.type(talk.sweep())
        return NodeError(
            f"{self._console.name}: {'the machine restarted' if restarted else 'the shell that ran it ended'} before "
            "the command's result was fetched",
            hint="to restart the machine on purpose, use node.reset() or node.power.cycle(), then node.wait_ready()"
            if restarted
            else "let the command not kill its parents",
            evidence=self._console.tail(),
        )

    def _no_shell(self, deadline: Deadline) -> NodeError:
        return NodeError(
            f"{self._console.name}: no shell answered on the console within {deadline}",
            hint="see in the last lines what holds the console; when the machine is only slow, allow more time",
            evidence=self._console.tail(),
        )

    def _hung(self, talk: Talk, raw: bytes, deadline: Deadline) -> NodeError:
        """Interrupt the command; the error says what it had printed."""
        message = f"{self._console.name}: the command {_short(raw)} did not end within {deadline}"
        cleaning = Deadline.after(_CLEANING_UP)
        self._prompt.interrupt(cleaning.sooner(self._patience))
        try:
            self._begin(talk, cleaning)
        except Late:
            return NodeError(
                f"{message}, and the shell did not come back after Ctrl-C",
                hint="see the last lines; the machine hangs, or the command took the terminal for itself",
                evidence=self._console.tail(),
            )
        fate, words = self._last_words(talk, cleaning)
        return NodeError(
            f"{message}; {fate}",
            hint="what it had printed is above; allow more time, or let it not wait for what does not come",
            evidence=words,
        )

    def _last_words(self, talk: Talk, deadline: Deadline) -> tuple[str, list[str]]:
        """Kill what is left of the command: what became of it, and the end of what it printed."""
        block = None
        try:
            while block is None:
                block = self._block(talk, talk.kill(_FIRST), deadline)
        except Late:
            return "it was interrupted", ["what it had printed could not be fetched"]
        self._leave(talk)
        size = extent(block)
        if size is None:
            return "it had not even begun", ["it had printed nothing"]
        ran = _ran(size, block)
        return "it was killed", [*_told("stdout", ran.stdout), *_told("stderr", ran.stderr)]

    def _cut_short(self, talk: Talk, raw: bytes, came: int, deadline: Deadline) -> NodeError:
        self._console.send_line(talk.bye())
        return NodeError(
            f"{self._console.name}: the command {_short(raw)} ended, but within {deadline} only {came} bytes of its "
            "result came over the console unharmed",
            hint="allow more time, let it print less, or keep others from printing on the console; base64, dd and "
            "sha256sum must be there",
            evidence=self._console.tail(),
        )

    def _lost(self, kept: int, whole: Extent) -> NodeError:
        return NodeError(
            f"{self._console.name}: the machine kept {kept} of {whole.end} bytes of the command's result",
            hint="the file system with its /tmp is full: let the command print less, or remove something",
            evidence=self._console.tail(),
        )


def _ran(whole: Extent, result: bytes | bytearray) -> Ran:
    middle = whole.begin + whole.stdout
    return Ran(whole.status, bytes(result[whole.begin : middle]), bytes(result[middle : whole.end]))


def _short(raw: bytes) -> str:
    text = printable(raw[:200]).split("\n")[0]
    return repr(text[:60] + "...") if len(text) > 60 or len(raw) > len(text) else repr(text)


def _told(stream: str, data: bytes) -> list[str]:
    lines = printable(data).rstrip("\n").split("\n") if data else []
    return [f"{stream}: {line}" for line in lines] or [f"{stream}: (nothing)"]
