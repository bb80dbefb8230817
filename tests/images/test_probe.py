"""The probe image: the same bytes on any host, its parts in place, its lines as hil reads them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import elf

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.images import probe
from hil.images.image import Image
from hil.images.initramfs import probe_initramfs
from hil.images.modules import Module
from hil.shipped import shipped
from hil.tools.cache import Cache

BUILD = """
import hashlib, os, sys, time
day = float(sys.argv[2])
real = time.time
time.time = lambda: real() + day
from pathlib import Path
from hil.images.initramfs import probe_initramfs
from hil.images.modules import insertion_order
if os.getuid() == 0 and sys.argv[3] != "0":
    os.setgid(int(sys.argv[3]))
    os.setuid(int(sys.argv[3]))
os.umask(int(sys.argv[4], 8))
parts = Path(sys.argv[1])
modules = insertion_order(parts / "modules", ["a", "b"], optional=["c"])
data = probe_initramfs(busybox=(parts / "busybox").read_bytes(), modules=modules, scripts=parts / "scripts")
print(hashlib.sha256(data).hexdigest())
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user can read."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def parts(folder: Path, names: str, mode: int, stamp: int) -> Path:
    """The parts of an initramfs, made in the order of `names`."""
    for sub in ("modules", "scripts"):
        (folder / sub).mkdir(parents=True)
        (folder / sub).chmod(0o755)
    folder.chmod(0o755)
    files = {"busybox": b"busybox", **{f"modules/{name}.ko": elf.module(name) for name in names}}
    for script in sorted(("init", "udhcpc.script"), reverse=names != "abc"):
        files[f"scripts/{script}"] = (shipped("fixtures") / "probe" / script).read_bytes()
    for name, data in files.items():
        path = folder / name
        path.write_bytes(data)
        path.chmod(mode)
        os.utime(path, (stamp, stamp))
    return folder


def built(folder: Path, *, day: float, user: int, umask: str, cwd: str, **environment: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder), str(day), str(user), umask],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(probe.__file__).parents[2]), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.strip()


def test_two_builds_far_apart_give_one_digest(open_folder: Path) -> None:
    first = parts(open_folder / "one", "abc", 0o644, 1_000_000_000)
    second = parts(open_folder / "two and more", "cba", 0o755, 1_000_086_400)
    here = built(first, day=0, user=0, umask="022", cwd="/", TZ="UTC", LC_ALL="C", PYTHONHASHSEED="1")
    there = built(
        second,
        day=86400,
        user=65534,
        umask="077",
        cwd=str(open_folder),
        TZ="Pacific/Auckland",
        LC_ALL="tr_TR.UTF-8",
        PYTHONHASHSEED="2",
        HOME="/nowhere",
    )
    assert len(here) == 64
    assert here == there


def test_another_part_gives_another_digest() -> None:
    scripts = shipped("fixtures") / "probe"

    def digest(*modules: Module) -> str:
        return hashlib.sha256(probe_initramfs(busybox=b"x", modules=modules, scripts=scripts)).hexdigest()

    a, b = Module("a", b"1"), Module("b", b"2")
    assert len({digest(a, b), digest(b, a), digest(a), digest(a, Module("b", b"3"))}) == 4


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Image:
    modules = tmp_path / "modules/6.1.0"
    modules.mkdir(parents=True)
    (modules / "modules.builtin").write_text("kernel/virtio_pci.ko\n")
    (modules / "virtio_net.ko").write_bytes(elf.module("virtio_net"))
    for name in ("kernel", "busybox"):
        (tmp_path / name).write_bytes(name.encode())
    monkeypatch.setenv("HIL_KERNEL", str(tmp_path / "kernel"))
    monkeypatch.setenv("HIL_KERNEL_MODULES", str(modules))
    monkeypatch.setenv("HIL_BUSYBOX", str(tmp_path / "busybox"))
    return created(tmp_path)


def created(tmp_path: Path) -> Image:
    config = probe.Config(kind="probe")
    return probe.create(config, name="probe", cache=Cache(tmp_path / "cache"), deadline=Deadline.after(5))


def test_image_has_digests_origins_and_readiness(image: Image) -> None:
    assert image.kind == "probe"
    assert image.args == ("console=ttyAMA0",)
    assert image.kernel.sha256 == hashlib.sha256(b"kernel").hexdigest()
    (initrd,) = image.initrds
    assert hashlib.sha256(initrd.path.read_bytes()).hexdigest() == initrd.sha256
    assert initrd.origin == "made by hil for the kernel 6.1.0"
    assert image.ready.http is not None
    assert (image.ready.http.port, image.ready.http.path) == (8080, "/healthz")


def test_second_build_is_the_cached_file(image: Image, tmp_path: Path) -> None:
    before = image.initrds[0].path.stat().st_mtime_ns
    assert created(tmp_path).initrds == image.initrds
    assert image.initrds[0].path.stat().st_mtime_ns == before


def test_kernel_without_a_network_module_is_refused(image: Image, tmp_path: Path) -> None:
    (tmp_path / "modules/6.1.0/virtio_net.ko").unlink()
    with pytest.raises(InfrastructureError, match="the kernel module 'virtio_net'"):
        created(tmp_path)


def test_scripts_say_the_lines_that_hil_reads() -> None:
    script = (shipped("fixtures") / "probe/init").read_text()
    assert f"echo '{probe.USERSPACE.pattern.decode()}'" in script
    assert f"PS1='{probe.PROMPT.decode()}'" in script
    assert f"httpd -p {probe.HTTP_PORT} " in script
    assert probe.READY.search(b"hil-probe: ready ip=10.0.2.15\r\n")
    assert probe.FACT.findall(b"hil-probe: fact uuid=1-2\r\nhil-probe: fact cmdline=a b=c\r\n") == [
        (b"uuid", b"1-2"),
        (b"cmdline", b"a b=c"),
    ]


@pytest.mark.parametrize("script", ["init", "udhcpc.script"])
def test_scripts_are_valid_shell(script: str) -> None:
    subprocess.run(["sh", "-n", str(shipped("fixtures") / "probe" / script)], check=True)


def test_parts_of_the_cache_are_not_read_twice_and_a_new_one_is_seen(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "cache/trees/0123/6.1.0"
    kept.parent.mkdir(parents=True)
    (tmp_path / "modules/6.1.0").rename(kept)
    monkeypatch.setenv("HIL_KERNEL_MODULES", str(kept))
    first = created(tmp_path)
    assert first.initrds[0].sha256 == image.initrds[0].sha256
    (kept / "virtio_net.ko").rename(tmp_path / "away")
    assert created(tmp_path) == first
    (tmp_path / "away").rename(kept / "virtio_net.ko")
    (tmp_path / "busybox").write_bytes(b"a newer busybox")
    assert created(tmp_path).initrds[0].sha256 != first.initrds[0].sha256
