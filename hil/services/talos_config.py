"""Machine configurations and talosconfigs for a bench's nodes, made by Talos's own generator.

The generator is the program `talostool` (`fixtures/node/cmd/talostool`), which is built elsewhere: a caller hands
its path. What is made lies in files that only their owner can read; no key is on a command line or in a message.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools.process import run

ADMIN: Final = "os:admin"
_AGAIN: Final = "remove talostool from the cache (`hil cache ls`, `hil cache rm`), so that it is built anew"


@dataclass(frozen=True, slots=True)
class MachineConfig:
    """One node's machine configuration, and who may ask the node; each is a file of mode 0600.

    Args:
        cluster: the cluster's name, which a talosconfig's context is named after.
        config: the machine configuration (YAML, several documents).
        talosconfig: a client configuration of the role os:admin.
        reader_talosconfig: the same of the role os:reader.
        secrets: the cluster's keys, from which more nodes and clients of this cluster are made.
    """

    cluster: str
    config: Path
    talosconfig: Path
    reader_talosconfig: Path
    secrets: Path


def generate(
    program: Path,
    directory: Path,
    *,
    cluster: str,
    hostname: str,
    endpoint: str,
    sans: Sequence[str],
    extension_configs: Mapping[str, Mapping[str, str]],
    install_disk: str,
    deadline: Deadline,
    secrets: Path | None = None,
    trusted_roots: str = "",
) -> MachineConfig:
    """Make the configuration of one control plane node; the keys are random, so no two are the same.

    Args:
        program: talostool.
        directory: where the files go; made with mode 0700 if it is not there.
        cluster: the cluster's name.
        hostname: the node's name.
        endpoint: the URL of the cluster's Kubernetes API, as "https://10.0.2.15:6443".
        sans: addresses and names that the node's certificate is valid for, besides its own addresses; a client
            behind a forwarded port needs "127.0.0.1" here.
        extension_configs: the environment of each extension service, by the service's name without "ext-". An
            empty environment makes no document (Talos refuses one), so a service that needs one waits for it.
        install_disk: the path of the disk that Talos is installed to, as "/dev/vda".
        deadline: when it must be done; it takes 20 ms.
        secrets: the keys of a cluster that is there already (`MachineConfig.secrets`); None for a new cluster.
        trusted_roots: certificates (PEM) of authorities that the node, and its extensions, are to trust as well; it
            becomes a TrustedRootsConfig document (machinery, config/types/security). "" for none.

    Raises:
        InfrastructureError: the program is not there, or could not do it; with its own words.
    """
    words: list[str | Path] = ["--cluster", cluster, "--hostname", hostname, "--endpoint", endpoint]
    words += ["--sans", ",".join(sans), "--install-disk", install_disk, "--out", directory]
    if secrets is not None:
        words += ["--secrets", secrets]
    environments = json.dumps({name: dict(environment) for name, environment in extension_configs.items()})
    with ExitStack() as files:
        words += ["--extensions", files.enter_context(_private_file(environments))]
        if trusted_roots:
            words += ["--trusted-roots", files.enter_context(_private_file(trusted_roots))]
        _talostool(program, "generate", words, f"the machine configuration of {hostname}", deadline)
    return MachineConfig(
        cluster=cluster,
        config=directory / "controlplane.yaml",
        talosconfig=directory / "talosconfig",
        reader_talosconfig=directory / "talosconfig-reader",
        secrets=directory / "secrets.yaml",
    )


def client(
    program: Path,
    file: Path,
    machine: MachineConfig,
    *,
    endpoint: str,
    deadline: Deadline,
    roles: Sequence[str] = (ADMIN,),
    expired: bool = False,
) -> Path:
    """Make one more talosconfig for the cluster of a node.

    Args:
        program: talostool.
        file: the talosconfig to write, mode 0600.
        machine: a node of the cluster.
        endpoint: the address that a client connects to.
        deadline: when it must be done.
        roles: Talos's roles, as "os:operator".
        expired: whether the certificate is to be one whose time has ended.

    Returns:
        The file.

    Raises:
        InfrastructureError: the program is not there, or could not do it (there is no such role); with its own words.
    """
    words: list[str | Path] = ["--cluster", machine.cluster, "--endpoint", endpoint, "--secrets", machine.secrets]
    for role in roles:
        words += ["--role", role]
    words += ["--expired"] if expired else []
    _talostool(program, "talosconfig", [*words, "--out", file], f"a talosconfig of {machine.cluster}", deadline)
    return file


@contextmanager
def _private_file(content: str) -> Iterator[Path]:
    """What talostool reads from a file that only its owner can read; it may hold a key, so it is gone afterwards."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.NamedTemporaryFile("w", encoding="utf-8"))
            file.write(content)
            file.flush()
        except OSError as error:
            reason = error.strerror or str(error)
            raise InfrastructureError(
                f"a temporary file could not be written: {reason}",
                hint="see the room in the temporary folder (TMPDIR)",
            ) from error
        yield Path(file.name)


def _talostool(program: Path, command: str, words: Sequence[str | Path], what: str, deadline: Deadline) -> None:
    done = run([program, command, *words], deadline=deadline, hint=_AGAIN)
    if done.code != 0:
        raise InfrastructureError(
            f"{what} could not be made; talostool {command} ended with {done.code} and said:",
            hint="see what it says; what it was given comes from the rig or the image",
            evidence=done.last_lines(),
        )
