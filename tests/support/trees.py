"""A Matchbox tree as somebody has it in git, for `hil init`: four groups, three profiles. Asserts nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

SECRET = "abcdef.0123456789abcdef"
UUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
MACHINE_CONFIG = """version: v1alpha1
machine:
  type: ROLE
  token: {{ .token }}
  network:
    hostname: {{.hostname}}
  {{ if .debug }}
  certSANs: []
  {{ end }}
  install:
    disk: DISK
cluster: {}
---
apiVersion: v1alpha1
kind: ExtensionServiceConfig
name: tailscale
environment: [TS_AUTHKEY=tskey-SECRET]
""".replace("SECRET", SECRET)


def talos(role: str, *args: str) -> dict[str, object]:
    """A profile of Talos."""
    url = "http://10.1.2.3:8080/generic?mac=${mac:hexhyp}"
    return {
        "generic_id": f"{role}.yaml",
        "boot": {
            "kernel": "/assets/talos/v1.13.9/vmlinuz",
            "initrd": ["/assets/talos/v1.13.9/initramfs.xz"],
            "args": ["console=ttyAMA0", f"talos.config={url}", *args],
        },
    }


GROUPS: Mapping[str, Mapping[str, object]] = {
    "cp1": {
        "profile": "controlplane",
        "selector": {"mac": "52-54-00-AA-BB-01"},
        "metadata": {"hostname": "cp1", "disk": "/dev/nvme0n1", "token": SECRET},
    },
    "Worker_1": {"profile": "worker", "selector": {"serial": "007"}, "metadata": {"token": SECRET}},
    "worker2": {"profile": "worker", "selector": {"uuid": UUID}},
    "default": {"profile": "rescue"},
}
PROFILES: Mapping[str, Mapping[str, object]] = {
    "controlplane": talos("controlplane"),
    "worker": talos("worker"),
    "rescue": {"boot": {"kernel": "http://10.1.2.3:8080/assets/rescue/linux", "args": ["console=ttyAMA0"]}},
}
GENERIC: Mapping[str, str] = {
    "controlplane.yaml": MACHINE_CONFIG.replace("ROLE", "controlplane").replace("DISK", "{{.disk}}"),
    "worker.yaml": MACHINE_CONFIG.replace("ROLE", "worker").replace("DISK", "/dev/mmcblk0")
    + "# containerd-shim-spin\n",
}


def write_users_tree(
    data: Path,
    *,
    groups: Mapping[str, Mapping[str, object]] = GROUPS,
    profiles: Mapping[str, Mapping[str, object]] = PROFILES,
    generic: Mapping[str, str] = GENERIC,
    assets: Mapping[str, Path] | None = None,
) -> Path:
    """Write it; returns its folder.

    Args:
        data: made.
        groups: by id; the rest of each group's JSON.
        profiles: by id; the rest of each profile's JSON.
        generic: templates, by id.
        assets: links in its assets folder, by their path; None for no such folder, as kernels are seldom in git.
    """
    for section, entries in (("groups", groups), ("profiles", profiles)):
        (data / section).mkdir(parents=True)
        for ident, entry in entries.items():
            (data / section / f"{ident}.json").write_text(json.dumps({"id": ident, **entry}, indent=2) + "\n")
    (data / "generic").mkdir()
    for ident, text in generic.items():
        (data / "generic" / ident).write_text(text)
    for name, target in (assets or {}).items():
        (data / "assets" / name).parent.mkdir(parents=True, exist_ok=True)
        (data / "assets" / name).symlink_to(target)
    return data
