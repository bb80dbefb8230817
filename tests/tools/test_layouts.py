"""Where distributions put things, on lists of the files of their packages."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.tools import layouts

TREES = Path(__file__).parent / "trees"


def tree(name: str) -> list[str]:
    lines = (TREES / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("debian-13-ipxe", "usr/lib/ipxe/ipxe-arm64.efi"), ("ubuntu-24.04-grub-ipxe", "boot/ipxe-arm64.efi")],
)
def test_ipxe(name: str, expected: str) -> None:
    assert layouts.first_of(layouts.IPXE_ARM64, tree(name)) == expected


def test_busybox_before_and_after_the_merge_of_usr() -> None:
    listing = tree("debian-12-busybox-static")
    assert layouts.first_of(layouts.BUSYBOX, listing) == "bin/busybox"
    merged = [path.replace("bin/busybox", "usr/bin/busybox") for path in listing]
    assert layouts.first_of(layouts.BUSYBOX, merged) == "usr/bin/busybox"
    assert layouts.first_of(layouts.BUSYBOX, tree("debian-13-ipxe")) is None


@pytest.mark.parametrize(
    ("name", "version"),
    [("debian-12-linux-image", "6.1.0-56-cloud-arm64"), ("ubuntu-24.04-linux", "6.8.0-31-generic")],
)
def test_kernel(name: str, version: str) -> None:
    found = layouts.kernel_layout(tree(name))
    assert found == layouts.KernelLayout(version, f"boot/vmlinuz-{version}", f"lib/modules/{version}")
    merged = [path.replace("lib/modules/", "usr/lib/modules/") for path in tree(name)]
    found = layouts.kernel_layout(merged)
    assert found is not None
    assert found.modules == f"usr/lib/modules/{version}"


def test_a_kernel_without_its_modules_is_none() -> None:
    assert layouts.kernel_layout(["boot/vmlinuz-6.8.0-31-generic"]) is None
    assert layouts.kernel_layout(tree("debian-13-ipxe")) is None


def test_installer() -> None:
    folder = "usr/lib/debian-installer/images/12/arm64/text/debian-installer/arm64/"
    listing = tree("debian-12-installer")
    assert layouts.installer_layout(listing) == layouts.InstallerLayout(folder + "linux", folder + "initrd.gz")
    assert layouts.installer_layout([path for path in listing if not path.endswith("text/")][:3]) is None


@pytest.mark.parametrize("top", ["", "usr/"])
def test_glibc_before_and_after_the_merge_of_usr(top: str) -> None:
    names = ("ld-linux-aarch64.so.1", "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "libgcc_s.so.1")
    listing = [f"{top}lib/aarch64-linux-gnu/{name}" for name in (*names, "libnss_dns.so.2")]
    found = layouts.glibc_layout([*listing, f"{top}lib/ld-linux-aarch64.so.1"])
    assert found == {name: f"{top}lib/aarch64-linux-gnu/{name}" for name in names}
    with pytest.raises(LookupError, match=r"no libm\.so\.6, libgcc_s\.so\.1 in lib/aarch64-linux-gnu or usr/lib/"):
        layouts.glibc_layout([path for path in listing if not path.endswith((names[2], names[5]))])


def test_concrete_packages() -> None:
    assert (
        layouts.concrete_image("linux-image-6.1.0-56-cloud-arm64 (= 6.1.192-2)") == "linux-image-6.1.0-56-cloud-arm64"
    )
    ubuntu = "linux-image-6.8.0-31-generic, linux-firmware"
    assert layouts.concrete_image(ubuntu) == "linux-image-6.8.0-31-generic"
    assert layouts.concrete_image("linux-image-generic") is None
    assert layouts.concrete_modules("kmod, linux-base (>= 4.5), linux-modules-6.8.0-31-generic") == (
        "linux-modules-6.8.0-31-generic"
    )
    assert layouts.concrete_modules("kmod, linux-base (>= 4.3~)") is None


@given(st.lists(st.text(alphabet="bot/vmlinuz-16.kereusmdt", max_size=30), max_size=8))
def test_any_listing_has_a_layout_or_none(paths: list[str]) -> None:
    found = layouts.kernel_layout(paths)
    assert found is None or found.image in paths
    installer = layouts.installer_layout(paths)
    assert installer is None or installer.kernel in paths
