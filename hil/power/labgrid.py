"""The kind `labgrid`: an outlet that one of labgrid's NetworkPower backends drives, some thirty models of units.

A backend is a module labgrid.driver.power.MODEL with power_set(host, port, index, value) and power_get(host, port,
index) (labgrid's documentation, "Configuration: NetworkPowerPort"; labgrid/driver/powerdriver.py). It runs in another
Python, where labgrid is installed; `labgrid_script` is what runs there. What the backend says is what is believed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal, NoReturn
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from hil.clock import Deadline
from hil.config.model import SECRET_ERROR, Fault, HostPort, RigPath, Secret, invalid
from hil.config.power import PowerConfig
from hil.config.suggest import did_you_mean
from hil.config.things import Thing, endpoint
from hil.errors import InfrastructureError
from hil.power import labgrid_script
from hil.power.exchange import persistently
from hil.power.port import PortAbsent, PortGarbled, PortRefused, PortSilent, PowerState
from hil.redaction import HIDDEN
from hil.tools import process

_PASSWORD: Final = "{password}"
# What the Python there needs of our environment; proxies are none of it.
_KEPT: Final = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR")
_TEXT_MAX: Final = 200


def _host(text: str) -> str:
    """No URL that cannot be one, and none with a password in it."""
    try:
        _place(text)
    except ValueError as error:
        raise invalid(f"{text[:80]!r} is no host and no URL", "write it as labgrid's `host` of that model") from error
    if re.search(r"//[^/@]*:(?!\{password\}@)[^/@]*@", text):
        raise PydanticCustomError(SECRET_ERROR, "a password must not stand in a file")
    return text


def _place(at: str) -> HostPort:
    parts = urlsplit(at if "//" in at else f"//{at}")
    return HostPort(parts.hostname or at, parts.port or (443 if parts.scheme == "https" else 80))


class Config(PowerConfig):
    """One outlet of a unit."""

    kind: Literal["labgrid"] = Field(description="an outlet that a NetworkPower backend of labgrid drives")
    python: RigPath = Field(description="the Python of a virtual environment where labgrid is installed")
    model: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$")] = Field(
        description="labgrid's name of the unit's model"
    )
    at: Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_host)] = Field(
        description="labgrid's `host`: a name, an address, or a URL, as that model wants it"
    )
    index: Annotated[int, Field(ge=0, le=9999)] = Field(description="which outlet, as that model counts")
    password: Secret | None = Field(None, description="what stands for {password} in `at`, as `!env NAME`")

    def faults(self) -> Iterator[Fault]:
        """A password that is used nowhere, or the place of one that there is not."""
        if (_PASSWORD in self.at) != (self.password is not None):
            yield Fault(("password",), f"`password:` is what stands for {_PASSWORD} in `at:`", "write both or neither")

    def things(self) -> tuple[Thing, ...]:
        """The outlet. Which port a model uses is labgrid's to know, so port 80 stands for it where no URL says."""
        return (endpoint(_place(self.at), "index", channel=self.index),)


@dataclass(frozen=True, slots=True)
class LabgridPort:
    """The protocol PowerPort over one outlet. Keeps nothing open.

    Args:
        config: of the rig.
        host: what the backend gets, with the password in it.
    """

    config: Config
    host: str = field(repr=False)

    @property
    def name(self) -> str:
        """The outlet and the unit."""
        return f"outlet {self.config.index} of {self.config.model} {self.config.at}"

    @property
    def reads_back(self) -> bool:
        """Every backend has power_get (labgrid 26.0.1)."""
        return True

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        """Have it switched.

        Raises:
            PortAbsent: there is no such Python, no labgrid in it, or nobody listens at the unit.
            PortSilent: the backend has not ended by the deadline, or the unit did not answer it.
            PortGarbled: as it says; it and PortSilent after three tries.
            PortRefused: labgrid has no such model, or the backend fails otherwise.
        """
        persistently(lambda: self._run("on" if on else "off", deadline), deadline=deadline)
        return PowerState.UNKNOWN

    def read(self, *, deadline: Deadline) -> PowerState:
        """Have it asked. Errors as in `switch`."""
        value = persistently(lambda: self._run("get", deadline), deadline=deadline)
        if not isinstance(value, bool):
            raise PortGarbled(
                f"{self.name}: labgrid's power_get gives {str(value)[:40]!r}, and neither true nor false",
                hint="see what that backend does with this unit's firmware",
            )
        return PowerState.of(value)

    def close(self) -> None:
        """Nothing is open between exchanges."""

    def _run(self, do: str, deadline: Deadline) -> object:
        order = {"do": do, "model": self.config.model, "host": self.host, "index": str(self.config.index)}
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment[labgrid_script.ORDER] = json.dumps(order)
        argv: list[str | Path] = [self.config.python, "-I", Path(labgrid_script.__file__), "{status}"]
        lines: list[str] = []
        try:
            ended = process.run(argv, deadline=deadline, env=environment, on_status=lines.append)
        except InfrastructureError as error:
            if deadline.expired:
                raise PortSilent(
                    f"{self.name}: labgrid's backend had not ended after {deadline}; it was killed",
                    hint="see whether the unit is in the network; some backends wait for ever",
                ) from None
            raise self._no_labgrid(error.message) from None
        answer = read_answer(lines)
        if answer is None:
            said = self._shown(" ".join(ended.last_lines()[-1:]))
            raise PortGarbled(
                f"{self.name}: {self.config.python} ended with {ended.code} and no answer: {said}",
                hint="run labgrid there by hand",
            )
        return answer["value"] if "value" in answer else self._failed(answer)

    def _failed(self, answer: Mapping[str, object]) -> NoReturn:
        if isinstance(models := answer.get("models"), list):
            raise PortRefused(
                f"{self.name}: labgrid has no model {self.config.model!r}",
                hint=did_you_mean(self.config.model, map(str, models), what="models"),
            )
        kinds = answer.get("failed")
        kinds = kinds if isinstance(kinds, list) else []
        said = self._shown(f"{kinds[0] if kinds else 'it'}: {answer.get('text')}")
        if "NoLabgrid" in kinds:
            raise self._no_labgrid(said)
        where = f"{self.name}: labgrid's backend fails: {said}"
        if {"Timeout", "TimeoutError"} & set(kinds):
            raise PortSilent(where, hint="see whether the unit is overloaded or far away, and try again")
        if "ConnectionError" in kinds:
            raise PortAbsent(where, hint="see whether the unit is in the network, and the rig file's `at:`")
        raise PortRefused(
            where, hint="see whether `model:`, `at:` and `index:` are the unit's, in labgrid's documentation"
        )

    def _no_labgrid(self, why: str) -> PortAbsent:
        return PortAbsent(
            f"{self.name}: labgrid does not run with {self.config.python}: {self._shown(why)}",
            hint="python3 -m venv labgrid-venv && labgrid-venv/bin/pip install labgrid; then write"
            " `python: labgrid-venv/bin/python`, from the rig file's directory",
        )

    def _shown(self, text: str) -> str:
        password = self.config.password.reveal() if self.config.password else ""
        for form in {password, quote(password, safe="")} - {""}:
            text = text.replace(form, _PASSWORD)
        return HIDDEN.redactor.text(" ".join(text.split()))[:_TEXT_MAX]


def read_answer(lines: list[str]) -> dict[str, object] | None:
    """What the script answered; None where it is no answer.

    Args:
        lines: what came through its descriptor.
    """
    if len(lines) != 1:
        return None
    try:
        answer = json.loads(lines[0])
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) and answer.keys() & {"value", "failed", "models"} else None


def create(config: Config) -> LabgridPort:
    """The port of a rig's section. Nothing is run yet."""
    password = quote(config.password.reveal(), safe="") if config.password else ""
    return LabgridPort(config, config.at.replace(_PASSWORD, password))
