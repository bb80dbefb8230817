"""The kind `command`: programs of the user's own switch the port, and one tells its state if there is one.

For what has no kind of its own; one that is used much is better a kind (docs/power/own-driver.md).
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationInfo

from hil.clock import Deadline
from hil.config.environment import EnvValue
from hil.config.model import invalid, rig_path
from hil.config.power import PowerConfig
from hil.config.things import Thing
from hil.power.port import PortGarbled, PortRefused, PowerState
from hil.power.program import evidence, ran

_HINT: Final = "write the program's name, or its path from the rig file's directory (./switch.sh); make it executable"


def _shown(word: object) -> object:
    if isinstance(word, EnvValue):
        raise invalid(
            "what is from the environment may be secret, and every user of a host sees a program's arguments",
            f"let the program read {word.variable} itself: it gets hil's environment",
        )
    return word


def _program(words: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    return (str(rig_path(words[0], info)), *words[1:]) if "/" in words[0] else words


_Word: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$"), BeforeValidator(_shown)]
Argv: TypeAlias = Annotated[tuple[_Word, ...], Field(min_length=1), AfterValidator(_program)]
"""A program and its arguments, with no shell between; a path with "/" in it starts at the rig file's directory."""


class Config(PowerConfig):
    """The programs."""

    kind: Literal["command"] = Field(description="programs of your own")
    on: Argv = Field(description="what switches it on: a program and its arguments")
    off: Argv = Field(description="what switches it off")
    state: Argv | None = Field(None, description="what says `on` or `off` as its last line, and exits with 0")

    def things(self) -> tuple[Thing, ...]:
        """The command that switches it on."""
        return (Thing(f"command {shlex.join(self.on)}", ("on",)),)


@dataclass(frozen=True, slots=True)
class CommandPort:
    """The protocol PowerPort over programs.

    Args:
        config: of the rig.
    """

    config: Config

    @property
    def name(self) -> str:
        """The program that switches it on, without its arguments."""
        return f"command {self.config.on[0]}"

    @property
    def reads_back(self) -> bool:
        """Whether there is a program for it."""
        return self.config.state is not None

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        """Run `on` or `off`, once: whether it may be run again is not known.

        Raises:
            PortAbsent: it cannot be started.
            PortSilent: it had not ended at the deadline, and was killed with all that it started.
            PortRefused: it exited with another status than 0.
        """
        self._run(self.config.on if on else self.config.off, deadline)
        return PowerState.UNKNOWN

    def read(self, *, deadline: Deadline) -> PowerState:
        """Run `state`; UNKNOWN where there is none. Errors as in `switch`, and PortGarbled where it says neither."""
        if self.config.state is None:
            return PowerState.UNKNOWN
        output = self._run(self.config.state, deadline)
        state = parse_state(output)
        if state is None:
            raise PortGarbled(
                f"{self.name}: {self.config.state[0]} says neither on nor off",
                hint="let the last line of its output be the word on, off or unknown",
                evidence=output.splitlines()[-5:],
            )
        return state

    def close(self) -> None:
        """Nothing runs between exchanges."""

    def _run(self, argv: tuple[str, ...], deadline: Deadline) -> str:
        done = ran(self.name, argv, deadline=deadline, hint=_HINT)
        if done.code:
            raise PortRefused(
                f"{self.name}: {argv[0]} exited with {done.code}",
                hint="run it by hand; hil takes the exit status 0 for done, and every other for not done",
                evidence=evidence(done),
            )
        return done.output


def create(config: Config) -> CommandPort:
    """The port; nothing is run."""
    return CommandPort(config)


def parse_state(output: str) -> PowerState | None:
    """The state in a program's output; None where there is none.

    The exit status is no state: it is 1 for many programs that have failed.

    Args:
        output: whose last line that is not blank is one of the words of `PowerState`, in any case.
    """
    lines = output.split()
    word = output.strip().rpartition("\n")[2].strip().casefold() if lines else ""
    return next((state for state in PowerState if state.value == word), None)
