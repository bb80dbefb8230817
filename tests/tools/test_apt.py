"""The real apt, against a small signed archive made here: nothing of the host's is touched, no signature is waived."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools import aptsources, host, packages, programs
from hil.tools.apt import PrivateApt, percent_of
from hil.tools.aptsources import Source
from hil.tools.cache import Cache
from hil.tools.host import Distribution
from hil.tools.progress import Step, quiet

NEEDED = ("apt-get", "dpkg-deb", "gpg")
pytestmark = pytest.mark.skipif(
    not all(shutil.which(name) for name in NEEDED), reason=f"needs {', '.join(NEEDED)} to make an archive"
)
WITHIN = 60.0
BOOKWORM = Distribution("debian", "bookworm", "12", "debian")


def run(*words: str | Path, cwd: Path | None = None) -> None:
    subprocess.run([str(word) for word in words], cwd=cwd, check=True, capture_output=True)


@dataclass
class Archive:
    """A folder that apt takes for a Debian archive, and the key that signs it."""

    root: Path
    keyring: Path
    home: Path

    def add(self, name: str, version: str, files: dict[str, bytes], depends: str = "", arch: str = "arm64") -> None:
        build = self.root / "build" / f"{name}_{version}"
        (build / "DEBIAN").mkdir(parents=True)
        control = f"Package: {name}\nVersion: {version}\nArchitecture: {arch}\nMaintainer: hil <hil@example.org>\n"
        control += (f"Depends: {depends}\n" if depends else "") + "Description: for a test\n"
        (build / "DEBIAN/control").write_text(control)
        for path, data in files.items():
            (build / path).parent.mkdir(parents=True, exist_ok=True)
            (build / path).write_bytes(data)
        deb = self.root / "pool" / f"{name}_{version}_{arch}.deb"
        deb.parent.mkdir(exist_ok=True)
        run("dpkg-deb", "--build", "-Znone", build, deb)
        entry = control + f"Filename: pool/{deb.name}\nSize: {deb.stat().st_size}\n"
        entry += f"SHA256: {hashlib.sha256(deb.read_bytes()).hexdigest()}\n\n"
        with (self.root / "Packages.all").open("a") as stream:
            stream.write(entry)

    def publish(self, suite: str = "bookworm") -> None:
        folder = self.root / "dists" / suite
        index = folder / "main/binary-arm64/Packages"
        index.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.root / "Packages.all", index)
        data = index.read_bytes()
        release = f"Origin: Debian\nSuite: {suite}\nCodename: {suite}\nArchitectures: arm64\nComponents: main\n"
        release += "Date: Mon, 23 Nov 2026 08:00:00 UTC\nAcquire-By-Hash: no\nSHA256:\n"
        release += f" {hashlib.sha256(data).hexdigest()} {len(data)} main/binary-arm64/Packages\n"
        (folder / "Release").write_text(release)
        (folder / "InRelease").unlink(missing_ok=True)
        run(
            "gpg", "--homedir", self.home, "--batch", "--yes", "--clearsign", "-o", folder / "InRelease",
            folder / "Release",
        )  # fmt: skip


def make_key(home: Path, keyring: Path) -> None:
    home.mkdir(mode=0o700)
    gpg = ("gpg", "--homedir", home, "--batch")
    run(*gpg, "--passphrase", "", "--quick-generate-key", "hil test <hil@example.org>", "ed25519", "sign", "never")
    run(*gpg, "--export", "--output", keyring)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    # gpg-agent's socket has to fit in 108 bytes.
    root = tmp_path_factory.mktemp("a")
    made = Archive(root, root / "debian-archive-test.gpg", root / "g")
    make_key(made.home, made.keyring)
    made.add("busybox-static", "1:1.0", {"bin/busybox": b"old"})
    made.add("busybox-static", "1:2.0", {"bin/busybox": b"new"})
    made.add("linux-image-cloud-arm64", "6", {}, depends="linux-image-6.1-arm64 (= 6)")
    image = {"boot/vmlinuz-6.1-arm64": b"\x1f\x8bno gzip", "lib/modules/6.1-arm64/kernel/a.ko": b"m"}
    made.add("linux-image-6.1-arm64", "6", image)
    made.add("ipxe", "1", {"usr/lib/ipxe/ipxe.efi": b"x86"})
    made.add("linux-image-virtual", "6", {}, depends="linux-image-6.8.0-31-generic, linux-firmware")
    ubuntu = "kmod, linux-modules-6.8.0-31-generic"
    packed = {"boot/vmlinuz-6.8.0-31-generic": gzip.compress(b"an image")}
    made.add("linux-image-6.8.0-31-generic", "6", packed, depends=ubuntu)
    made.add("linux-modules-6.8.0-31-generic", "6", {"lib/modules/6.8.0-31-generic/kernel/a.ko.zst": b"m"})
    made.publish()
    yield made
    subprocess.run(["gpgconf", "--homedir", str(made.home), "--kill", "all"], check=False, capture_output=True)


@pytest.fixture
def cache(tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> Cache:
    source = Source(f"file:{archive.root}", "bookworm", ("main",), {"signed-by": str(archive.keyring)})
    monkeypatch.setattr(aptsources, "host_sources", lambda: [source])
    monkeypatch.setattr(host, "distribution", lambda: BOOKWORM)
    return Cache(tmp_path / "cache")


def test_the_newest_is_fetched_unpacked_and_recorded(cache: Cache, archive: Archive) -> None:
    steps: list[Step] = []
    recipe = packages.busybox(BOOKWORM)
    tree = packages.obtain(recipe, cache, progress=steps.append, deadline=Deadline.after(WITHIN))
    assert (tree / "bin/busybox").read_bytes() == b"new"
    entry = cache.entry("busybox-arm64")
    assert entry is not None
    deb = archive.root / "pool/busybox-static_1:2.0_arm64.deb"
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    assert entry.origin == f"busybox-static 1:2.0 arm64 (bookworm), sha256 {digest}"
    assert any("busybox-static" in step.what for step in steps)


def test_what_is_cached_is_had_without_apt(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = packages.busybox(BOOKWORM)
    first = packages.obtain(recipe, cache, progress=quiet, deadline=Deadline.after(WITHIN))
    monkeypatch.setenv("PATH", "/nonexistent")
    assert packages.obtain(recipe, cache, progress=quiet, deadline=Deadline.after(WITHIN)) == first


def test_lists_are_asked_for_once_a_day(cache: Cache, archive: Archive) -> None:
    apt = PrivateApt(cache, suite="bookworm", arch="arm64", progress=quiet)
    apt.update(Deadline.after(WITHIN))
    steps: list[Step] = []
    again = PrivateApt(cache, suite="bookworm", arch="arm64", progress=steps.append)
    again.update(Deadline.after(WITHIN))
    assert steps == []
    assert again.fields("linux-image-cloud-arm64", Deadline.after(WITHIN))["version"] == "6"


def test_a_package_that_is_not_there(cache: Cache) -> None:
    apt = PrivateApt(cache, suite="bookworm", arch="arm64", progress=quiet)
    apt.update(Deadline.after(WITHIN))
    with pytest.raises(InfrastructureError, match="bookworm has no package nothing for arm64"):
        apt.fields("nothing", Deadline.after(WITHIN))


def test_a_suite_that_is_not_there_fails_with_apts_own_words(cache: Cache) -> None:
    apt = PrivateApt(cache, suite="trixie", arch="arm64", progress=quiet)
    with pytest.raises(InfrastructureError, match="the package lists were not fetched; apt said:") as caught:
        apt.update(Deadline.after(WITHIN))
    assert any("does not have a Release file" in line for line in caught.value.evidence)


def test_another_key_fails_with_apts_own_words(
    cache: Cache, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An empty keyring: the key that signed the archive is unknown.
    other = tmp_path / "debian-archive-other.gpg"
    other.touch()
    source = Source(f"file:{archive.root}", "bookworm", ("main",), {"signed-by": str(other)})
    monkeypatch.setattr(aptsources, "host_sources", lambda: [source])
    apt = PrivateApt(cache, suite="bookworm", arch="arm64", progress=quiet)
    with pytest.raises(InfrastructureError, match="apt said:") as caught:
        apt.update(Deadline.after(WITHIN))
    assert any("not signed" in line or "NO_PUBKEY" in line for line in caught.value.evidence)
    assert cache.entries() == []


def test_lists_that_stop_being_signed_are_not_used_although_older_ones_are_there(
    cache: Cache, archive: Archive
) -> None:
    apt = PrivateApt(cache, suite="bookworm", arch="arm64", progress=quiet)
    apt.update(Deadline.after(WITHIN))
    (stamp,) = (cache.root / "apt").glob("*/updated")
    stamp.unlink()
    signed = archive.root / "dists/bookworm/InRelease"
    good = signed.read_text()
    signed.write_text(good.replace("Origin: Debian", "Origin: Someone"))
    try:
        with pytest.raises(InfrastructureError, match="apt said:") as caught:
            apt.update(Deadline.after(WITHIN))
    finally:
        signed.write_text(good)
    assert any("BADSIG" in line or "invalid" in line for line in caught.value.evidence)
    assert not stamp.exists()


def test_a_damaged_package_is_refused(cache: Cache, archive: Archive) -> None:
    apt = PrivateApt(cache, suite="bookworm", arch="arm64", progress=quiet)
    apt.update(Deadline.after(WITHIN))
    deb = archive.root / "pool/busybox-static_1:2.0_arm64.deb"
    good = deb.read_bytes()
    deb.write_bytes(good[:-1] + b"!")
    try:
        with pytest.raises(InfrastructureError, match="could not be fetched; apt said:"), cache.work() as work:
            apt.fetch(["busybox-static"], work / "t", Deadline.after(WITHIN))
    finally:
        deb.write_bytes(good)


def test_a_package_without_the_file_says_what_was_looked_for(cache: Cache, archive: Archive) -> None:
    archive.publish("trixie")
    with pytest.raises(InfrastructureError, match=r"ipxe 1 arm64 \(trixie\).* does not hold ipxe where hil looks"):
        packages.obtain(packages.ipxe(BOOKWORM), cache, progress=quiet, deadline=Deadline.after(WITHIN))
    shutil.rmtree(archive.root / "dists/trixie")


def test_a_kernel_that_is_a_damaged_gzip_file_is_refused(cache: Cache) -> None:
    with pytest.raises(InfrastructureError, match=r"vmlinuz-6\.1-arm64 is a damaged gzip file"):
        packages.obtain(packages.kernel(BOOKWORM), cache, progress=quiet, deadline=Deadline.after(WITHIN))


def test_ubuntus_kernel_is_two_packages_and_packed(
    cache: Cache, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = tmp_path / "ubuntu-archive-test.gpg"
    shutil.copy(archive.keyring, keyring)
    source = Source(f"file:{archive.root}", "noble", ("main",), {"signed-by": str(keyring), "arch": "arm64"})
    noble = Distribution("ubuntu", "noble", "24.04", "ubuntu")
    monkeypatch.setattr(aptsources, "host_sources", lambda: [source])
    monkeypatch.setattr(host, "distribution", lambda: noble)
    archive.publish("noble")
    tree = packages.obtain(packages.kernel(noble), cache, progress=quiet, deadline=Deadline.after(WITHIN))
    shutil.rmtree(archive.root / "dists/noble")
    assert (tree / "boot/vmlinuz-6.8.0-31-generic").read_bytes() == b"an image"
    monkeypatch.setenv("HIL_CACHE", str(cache.root))
    found = programs.kernel_arm64()
    assert (found.version, found.modules) == ("6.8.0-31-generic", tree / "lib/modules/6.8.0-31-generic")
    assert found.origin.count("(noble), sha256 ") == 2


def test_the_hosts_hooks_are_not_run(cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker, conf = tmp_path / "hook-was-run", tmp_path / "host.conf"
    conf.write_text(
        f'APT::Update::Pre-Invoke {{ "touch {marker}"; }};\nAPT::Update::Post-Invoke {{ "touch {marker}"; }};\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(conf))
    PrivateApt(cache, suite="bookworm", arch="arm64", progress=quiet).update(Deadline.after(WITHIN))
    assert not marker.exists()


def test_no_sources_no_packages(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "distribution", lambda: Distribution("fedora", "", "42", ""))
    with pytest.raises(
        InfrastructureError, match=r"packages of x for arm64 cannot be had: .* neither Debian nor Ubuntu"
    ):
        PrivateApt(cache, suite="x", arch="arm64", progress=quiet)


@given(st.text(max_size=40) | st.from_regex(r"dlstatus:[0-9]:[0-9.]{0,6}:.*", fullmatch=True))
def test_any_status_line_is_a_percentage_or_none(line: str) -> None:
    found = percent_of(line)
    assert found is None or 0 <= found <= 100


def test_a_status_line() -> None:
    assert percent_of("dlstatus:1:20.5:Retrieving file 1 of 2 (12s remaining)") == 20
    assert percent_of("pmstatus:x:20:Installing") is None
