"""The bridge in a rig file: what may be written."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from hil.config.model import HostPort
from hil.netboot.bridge.config import Config


def config(**values: object) -> Config:
    return Config.model_validate({"kind": "bridge", **values})


def test_defaults() -> None:
    assert config() == config(subnet="10.0.2.0/24", bench="10.0.2.100:8080", egress=(), boot="pxe", domain="hil.test")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"bench": "10.9.9.9:8080"}, "only addresses of the machine's own subnet are forwarded"),
        ({"bench": "10.0.2.100:53"}, "10.0.2.100:53 is where the bench's own DNS answers"),
        ({"egress": ("10.0.2.100:53",)}, "10.0.2.100:53 is where the bench's own DNS answers"),
        (
            {"bench": "10.0.2.100:80", "egress": ("10.0.2.100:8088",)},
            "neither port 80 nor 8088 is left on 10.0.2.100 for HTTP boot",
        ),
        ({"nic": "enp3s0; reboot"}, "'enp3s0; reboot' is no network port of a host"),
        ({"domain": "Hil.Test"}, "'Hil.Test' is no domain"),
        ({"domain": "a,b"}, "'a,b' is no domain"),
        ({"boot": "tftp"}, "Input should be 'pxe' or 'http'"),
    ],
)
def test_what_a_rig_may_not_write(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        config(**values)
    assert message in caught.value.errors()[0]["msg"]


def test_http_boot_keeps_out_of_the_way() -> None:
    assert config().nbp == HostPort("10.0.2.100", 80)
    assert config(bench="10.0.2.100:80").nbp == HostPort("10.0.2.100", 8088)


def test_a_network_port_of_the_host_is_one_benchs_at_a_time_and_the_twins_is_nobodys() -> None:
    lent = config(nic="enp3s0")
    assert (lent.nics, [thing.name for thing in lent.things()]) == (("enp3s0",), ["network port enp3s0"])
    assert (config(nic="twin:lan").nics, config(nic="twin:lan").things(), config().nics) == ((), (), ())
