"""The extension tailscale in a simulated node that QEMU boots: how its service is started, and what it sees.

There is no control server: what its programs say of that is theirs. Joining is in test_tailnet.py and test_boot.py.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from support.direct import WITHIN, Machine, booted, served, simulated

from hil.clock import Deadline, hold
from hil.images import simnode, tailscale_layer
from hil.readiness.talos.access import Access
from hil.readiness.talos.api import TalosApi
from hil.readiness.talos.talosconfig import load
from hil.services.talos_config import MachineConfig, generate
from hil.tools.cache import Cache
from hil.tools.gonode import node_program
from hil.tools.progress import quiet

pytestmark = pytest.mark.boot

NOBODY = "https://10.0.2.2:1"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def configured(folder: Path, roots: str, **environment: str) -> MachineConfig:
    image = {**simulated(extensions=("tailscale",)).extension_configs["tailscale"], **environment}
    return generate(
        node_program("talostool", Cache(), progress=quiet, deadline=Deadline.after(1800)),
        folder,
        cluster="direct",
        hostname="direct1",
        endpoint="https://10.0.2.15:6443",
        sans=["127.0.0.1"],
        extension_configs={"tailscale": {**image, "TS_EXTRA_ARGS": f"--login-server={NOBODY}", "TS_AUTHKEY": "key"}},
        install_disk="/dev/vda",
        deadline=Deadline.after(60),
        trusted_roots=roots,
    )


def certificate(folder: Path) -> str:
    """One of an authority: that of a cluster, which is as good as another."""
    found = re.search(r"ca: (\S+)", configured(folder, "").talosconfig.read_text())
    assert found is not None
    return base64.b64decode(found[1]).decode()


def asked(machine: Machine, made: MachineConfig) -> TalosApi:
    access = Access("127.0.0.1", machine.ports[simnode.API_PORT], load(made.talosconfig).context(), None)
    return TalosApi("direct1", lambda: access)


def logged(api: TalosApi, pattern: bytes) -> bytes:
    """The service's log, once it has the pattern."""
    deadline = Deadline.after(WITHIN)
    while re.search(pattern, log := api.logs("ext-tailscale", Deadline.after(WITHIN))) is None:
        assert not deadline.expired, log.decode()
        hold(0.2)
    return log


@pytest.mark.parametrize(
    ("environment", "interface"),
    [({}, b'tun "tailscale0"'), ({"TS_USERSPACE": "true"}, b'tun "userspace-networking"')],
    ids=["kernel", "userspace"],
)
def test_its_configuration_says_where_its_interface_is(
    environment: dict[str, str], interface: bytes, tmp_path: Path
) -> None:
    roots = certificate(tmp_path / "authority")
    made = configured(tmp_path / "talos", roots, **environment)
    with (
        served(lambda path: made.config.read_bytes()) as url,
        booted(simulated(extensions=("tailscale",)), tmp_path, f"talos.config={url}/c") as machine,
    ):
        machine.says(rb"service\[ext-tailscale\]\(Waiting\): Waiting for service \"cri\" to be \"up\"")
        machine.says(rb"service\[ext-tailscale\]\(Running\): Started task ext-tailscale")
        assert machine.ask(tailscale_layer.HEALTH_PORT, path="/healthz")[0] == b"node currently has no tailscale IPs\n"
        machine.says(rb"machine is running and ready")
        with asked(machine, made) as api:
            log = logged(api, rb"10\.0\.2\.2:1.*connection refused")
            assert b"wgengine.NewUserspaceEngine(" + interface in log
            assert b"socket: protocol not supported" not in log, "there is no nftables"
            assert api.read(BUNDLE, Deadline.after(WITHIN)).decode().endswith(roots)
