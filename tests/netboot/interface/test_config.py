"""A network port in a rig file: what may be written, and what the kernel's refusals come to."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from hil.netboot.bridge.config import Config as Bridge
from hil.netboot.interface.config import Config
from hil.netboot.interface.refusal import not_shared
from hil.netns.namespace import Refused

HOME = {"dhcp": "proxy", "subnet": "192.168.1.0/24", "bench": "192.168.1.5:8080"}


def config(**values: object) -> Config:
    return Config.model_validate({"kind": "interface", "nic": "enp3s0", **values})


def test_a_port_is_one_benchs_at_a_time_whatever_it_is_taken_for() -> None:
    assert config(vlan=10).things() == Bridge(kind="bridge", nic="enp3s0").things()
    assert (config(vlan=10).port, config().port) == ("enp3s0, VLAN 10", "enp3s0")
    assert config(nic="twin:lan").things() == ()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"nic": "enp3s0; reboot"}, "'enp3s0; reboot' is no network port of a host"),
        ({"vlan": 4095}, "Input should be less than or equal to 4094"),
        ({"dhcp": "both"}, "Input should be 'serve' or 'proxy'"),
        ({"dhcp": "proxy"}, "beside another DHCP server the bench needs a free address of that network"),
        ({**HOME, "nic": "twin:lan"}, "the twin's wire has no DHCP server but the bench's"),
        ({"addresses": {"node1": "10.0.2.71"}}, "with `dhcp: serve` the bench gives them"),
        ({**HOME, "addresses": {"node1": "10.0.2.71"}}, "10.0.2.71 cannot be node1's"),
        ({**HOME, "addresses": {"node1": "192.168.1.5"}}, "192.168.1.5 cannot be node1's"),
        ({**HOME, "addresses": {"node1": "here"}}, "'here' is no IPv4 address"),
    ],
)
def test_what_a_rig_may_not_write(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        config(**values)
    assert message in caught.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        ("interface of the host: root alone may lend it", "run as root"),
        ("interface wlan0: wireless ports carry no second address", "take a port with a cable"),
        ("interface enp3s0: Operation not supported", "the kernel's macvlan module"),
        ("interface enp3s0, VLAN 10: Operation not supported", "the kernel's 8021q module"),
        ("interface enp3s0, VLAN 10: File exists", "name its interface (as enp3s0.10)"),
        ("interface enp3s0: Device or resource busy", "the port is part of a bridge or a bond"),
        ("interface enp3s0: Invalid argument", "as `ip link` shows it"),
        ("Operation not permitted", "root alone"),
        ("No space left on device", "no disk is full: end what holds them, or raise it"),
    ],
)
def test_a_refusal_says_what_to_do(reason: str, hint: str) -> None:
    refused = not_shared(Refused(reason))
    assert reason in refused.message
    assert hint in refused.hint
