"""Trees out of archives: what is taken, what is refused, and in which words.

What a board asks for is written down here from documents and issue threads, not from the code under test: for BCM2711
from raspberrypi/rpi-eeprom issues 87 and 74, for BCM2837 from raspberrypi/documentation, boot-net.adoc, and
raspberrypi/firmware issue 1012.
"""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.clock import Deadline
from hil.config.file_source import FileSource
from hil.config.rig import Where
from hil.config.rpi import RpiConfig
from hil.errors import ConfigError
from hil.netboot.rpi.archive import Archive, BadArchive
from hil.netboot.rpi.firmware import tree_of
from hil.netboot.rpi.tree import Tree, lay
from hil.sim.rom import stand_in
from hil.tools.cache import Cache
from hil.tools.progress import quiet

MAC = "dc:a6:32:01:36:c2"
SERIAL = "10c2a4b7"
ELF = b"\x7fELF" + bytes(14) + struct.pack("<H", 137)
# Made-up content in the form of the real files; the names are those of pftf/RPi4, linux_edk2.yml.
PFTF = {
    "start4.elf": ELF.ljust(300 << 10, b"\1"),
    "fixup4.dat": b"\2" * 5000,
    "RPI_EFI.fd": (bytes(40) + b"_FVH").ljust(300 << 10, b"\3"),
    "bcm2711-rpi-4-b.dtb": b"\xd0\x0d\xfe\xed 4b",
    "bcm2711-rpi-cm4.dtb": b"\xd0\x0d\xfe\xed cm4",
    "overlays/miniuart-bt.dtbo": b"\xd0\x0d\xfe\xed bt",
    "config.txt": b"armstub=RPI_EFI.fd\ndevice_tree_address=0x1f0000\ndevice_tree_end=0x200000\n",
    "Readme.md": b"read me",
}
# What issue 87's list of successful downloads has, and the firmware's own two files.
ASKED_BY_BCM2711 = {"config.txt", "start4.elf", "fixup4.dat", "bcm2711-rpi-cm4.dtb"}


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def pinned(path: Path, sha256: str = "") -> FileSource:
    digest = sha256 or hashlib.sha256(path.read_bytes()).hexdigest()
    return FileSource.model_validate({"path": path, "sha256": digest})


def of_firmware(firmware: object) -> RpiConfig:
    return RpiConfig.model_validate({"serial": SERIAL, "firmware": firmware})


def made(
    tmp_path: Path, config: RpiConfig, stand_ins: Path | None = None, *, rig: Path = Path("/rigs/rig.yaml")
) -> Tree:
    cache, deadline = Cache(tmp_path / "cache"), Deadline.after(10)

    def where(*keys: str | int) -> Where:
        return Where(rig, 7, 3, ".".join(map(str, keys)))

    return tree_of(config, MAC, at=where, cache=cache, deadline=deadline, progress=quiet, stand_in=stand_ins)


def of(tmp_path: Path, archived: Mapping[str, bytes], **keys: object) -> Tree:
    source = pinned(zipped(tmp_path / "firmware.zip", archived))
    return made(tmp_path, RpiConfig.model_validate({"serial": SERIAL, "firmware": source, **keys}))


def refused(tmp_path: Path, archived: Mapping[str, bytes], **keys: object) -> str:
    with pytest.raises(ConfigError) as caught:
        of(tmp_path, archived, **keys)
    return caught.value.render()


def test_a_cm4_gets_what_it_asks_for_and_nothing_else(tmp_path: Path) -> None:
    tree = of(tmp_path, PFTF)
    assert set(tree.files) == ASKED_BY_BCM2711 | {"RPI_EFI.fd", "overlays/miniuart-bt.dtbo"}
    assert (tree.model, tree.mac, tree.serial, dict(tree.root_files)) == ("cm4", MAC, SERIAL, {})
    assert tree.files["bcm2711-rpi-cm4.dtb"] == PFTF["bcm2711-rpi-cm4.dtb"]
    lines = bytes(tree.files["config.txt"]).decode().splitlines()
    assert {"arm_64bit=1", "enable_uart=1", "uart_2ndstage=1", "armstub=RPI_EFI.fd"} <= set(lines)
    assert {"dtoverlay=miniuart-bt", "device_tree_address=0x1f0000", "device_tree_end=0x200000"} <= set(lines)


def test_the_folder_of_the_firmware_is_the_top(tmp_path: Path) -> None:
    tree = of(tmp_path, {"README": b"x", **{f"firmware-1.2/boot/{name}": data for name, data in PFTF.items()}})
    assert tree.files["start4.elf"] == PFTF["start4.elf"]
    assert "overlays/miniuart-bt.dtbo" in tree.files


def test_of_several_folders_it_is_always_the_same(tmp_path: Path) -> None:
    # More than chance, which has one in sixteen, and another one in each process.
    folders = [f"{letter}/" for letter in "ponmlkjihgfedcba"]
    archived = {f"{folder}{name}": data for folder in folders[:-1] for name, data in PFTF.items()}
    with pytest.raises(ConfigError, match=r"needs fixup4\.dat, .*RPI_EFI\.fd"):
        of(tmp_path, {**archived, "a/start4.elf": PFTF["start4.elf"]})


def test_a_file_beside_the_archive_replaces_and_adds(tmp_path: Path) -> None:
    own, extra = tmp_path / "own.dtb", tmp_path / "cmdline.txt"
    own.write_bytes(b"\xd0\x0d\xfe\xed own")
    extra.write_bytes(b"console=ttyAMA0\n")
    tree = of(tmp_path, PFTF, files={"bcm2711-rpi-cm4.dtb": pinned(own), "cmdline.txt": pinned(extra)})
    assert tree.files["bcm2711-rpi-cm4.dtb"] == own.read_bytes()
    assert tree.files["cmdline.txt"] == b"console=ttyAMA0\n"


@pytest.mark.parametrize(
    ("missing", "needed"),
    [
        *((name, name) for name in ("start4.elf", "fixup4.dat", "RPI_EFI.fd", "bcm2711-rpi-cm4.dtb")),
        ("overlays/miniuart-bt.dtbo", "overlays/disable-bt.dtbo"),  # one of the two, or the console falls silent
    ],
)
def test_a_missing_file_is_named_with_what_there_is(tmp_path: Path, missing: str, needed: str) -> None:
    text = refused(tmp_path, {name: data for name, data in PFTF.items() if name != missing})
    assert f"a cm4 that boots by uefi needs {needed}, and the firmware has " in text
    assert "rig.yaml:7:3" in text
    assert "Readme.md" in text


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("start4.elf", b"", "start4.elf is empty"),
        ("start4.elf", b"404: Not Found", "start4.elf has 14 bytes"),
        ("start4.elf", (ELF[:18] + struct.pack("<H", 183)).ljust(300 << 10), "start4.elf is a program for 64-bit ARM"),
        ("start4.elf", b"\0" * (300 << 10), "start4.elf is no ELF file"),
        ("RPI_EFI.fd", b"\0" * (300 << 10), "RPI_EFI.fd has no UEFI firmware volume"),
        ("bcm2711-rpi-cm4.dtb", b"<html>", "bcm2711-rpi-cm4.dtb is no device tree"),
    ],
)
def test_a_file_that_cannot_be_what_its_name_says(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    assert says in refused(tmp_path, {**PFTF, name: data})


def test_what_a_board_may_load_besides_is_not_judged_by_its_size(tmp_path: Path) -> None:
    own = tmp_path / "config.txt"
    own.write_bytes(b"armstub=armstub8.bin\nkernel=kernel.elf\ninclude more.txt\n")
    files = {"armstub8.bin": b"stub", "kernel.elf": b"kernel", "more.txt": b"arm_boost=1\n", "other.txt": b""}
    tree = of(tmp_path, PFTF | files, config_txt=own)
    assert {*tree.files} & {*files} == {"armstub8.bin", "kernel.elf", "more.txt"}
    assert (tree.files["armstub8.bin"], tree.files["kernel.elf"]) == (b"stub", b"kernel")
    assert tree.files["config.txt"] == own.read_bytes()
    assert "overlays/miniuart-bt.dtbo" not in tree.files


def test_the_cut_down_firmware_is_needed_besides_the_usual_one(tmp_path: Path) -> None:
    # raspberrypi/firmware issue 1809: a CM4 with gpu_mem=16 loads both.
    own = tmp_path / "config.txt"
    own.write_bytes(b"gpu_mem=16\n")
    assert "needs start4cd.elf, fixup4cd.dat, and" in refused(tmp_path, PFTF, config_txt=own)


def test_a_file_larger_than_any_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.netboot.rpi.archive.MAX_FILE", 250 << 10)
    assert "and no file of a boot has more than" in refused(tmp_path, PFTF)


def test_firmware_of_a_url_is_fetched_once(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    digest = hashlib.sha256(zipped(tmp_path / "a.zip", PFTF).read_bytes()).hexdigest()
    with cache.work() as folder:
        (tmp_path / "a.zip").rename(folder / "a.zip")
        cache.put_file(f"url-{digest[:32]}", folder / "a.zip", key=digest, origin="test", how="test")
    tree = made(tmp_path, of_firmware({"url": "https://192.0.2.1/firmware.zip", "sha256": digest}))
    assert tree.files["start4.elf"] == PFTF["start4.elf"]


def test_u_boot_for_32_bits_is_refused(tmp_path: Path) -> None:
    files = {**PFTF, "u-boot.bin": b"\xb8\x00\x00\xea".ljust(400 << 10)}
    assert "U-Boot for 32 bits" in refused(tmp_path, files, via="u-boot")


def test_no_digest_is_an_error_that_says_the_digest(tmp_path: Path) -> None:
    path = zipped(tmp_path / "firmware.zip", PFTF)
    with pytest.raises(ConfigError) as caught:
        made(tmp_path, of_firmware(path))
    # As the rig file is to name it: from its own folder, or in full where it is elsewhere.
    assert f"{{path: {path}, sha256: {hashlib.sha256(path.read_bytes()).hexdigest()}}}" in caught.value.render()
    folder = tmp_path / "of a release"
    folder.mkdir()
    path = path.rename(folder / "firmware.zip")
    with pytest.raises(ConfigError, match=r"write \{path: of a release/firmware\.zip, sha256: "):
        made(tmp_path, of_firmware(path), rig=tmp_path / "rig.yaml")


def test_another_digest_is_an_error(tmp_path: Path) -> None:
    path = zipped(tmp_path / "firmware.zip", PFTF)
    with pytest.raises(ConfigError, match="and the rig file says 0000") as caught:
        made(tmp_path, of_firmware(pinned(path, "0" * 64)))
    assert caught.value.problems[0].text == "firmware.sha256"


def test_no_archive_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "firmware.zip"
    path.write_bytes(b"<html>not here</html>")
    with pytest.raises(ConfigError, match="cannot be read as a zip or tar archive") as caught:
        made(tmp_path, of_firmware(pinned(path)))
    assert "\n" not in caught.value.problems[0].message


@pytest.mark.parametrize("model", ["cm4", "pi4", "cm3", "cm3+"])
def test_the_twins_stand_in_has_all_that_a_model_needs(tmp_path: Path, model: str) -> None:
    via = "u-boot" if model.startswith("cm3") else "uefi"
    config = RpiConfig.model_validate({"model": model, "serial": SERIAL, "firmware": "twin:firmware", "via": via})
    archive = stand_in.make(tmp_path, model)
    tree = made(tmp_path, config, archive)
    if model.startswith("cm3"):
        assert set(tree.root_files) == {"bootcode.bin"}
        assert set(tree.files) == {"config.txt", "start.elf", "fixup.dat", "bcm2710-rpi-cm3.dtb", "u-boot.bin"}
    else:
        assert {"config.txt", "start4.elf", "fixup4.dat", "RPI_EFI.fd", "overlays/disable-bt.dtbo"} <= set(tree.files)
    for name, data in {**tree.files, **tree.root_files}.items():
        if name != "config.txt":
            assert bytes(data).startswith(b"hil bench twin stand-in for " + name.encode() + b": no firmware\n")
    assert archive.read_bytes() == stand_in.make(tmp_path, model).read_bytes()


def test_a_tree_is_laid_under_the_serial_number(tmp_path: Path) -> None:
    root = tmp_path / "tftp"
    root.mkdir()
    file = tmp_path / "fw"
    file.write_bytes(b"from a file")
    tree = Tree("cm3", MAC, SERIAL, {"start.elf": file, "overlays/a.dtbo": b"a"}, {"bootcode.bin": b"b"})
    lay(tree, root)
    lay(tree, root)
    found = {str(path.relative_to(root)): path.stat().st_mode & 0o777 for path in root.rglob("*")}
    assert found == {
        SERIAL: 0o755,
        f"{SERIAL}/overlays": 0o755,
        f"{SERIAL}/start.elf": 0o644,
        f"{SERIAL}/overlays/a.dtbo": 0o644,
        "bootcode.bin": 0o644,
    }
    assert (root / SERIAL / "start.elf").read_bytes() == b"from a file"
    with pytest.raises(ConfigError, match=r"needs another bootcode\.bin"):
        lay(Tree("cm3", MAC, "00000001", {}, {"bootcode.bin": b"other"}), root)


def test_nothing_outside_an_archive_and_no_link_is_a_name_in_it(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.xz"
    with tarfile.open(path, "w:xz") as archive:
        for name in ("../out", "/abs", "a/../b", "good", "./fine/x", "with space"):
            info = tarfile.TarInfo(name)
            info.size = 1
            archive.addfile(info, io.BytesIO(b"x"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    with Archive(path) as opened:
        assert opened.names == {"good", "fine/x"}
        assert opened.read("fine/x") == b"x"
    linked = zipfile.ZipInfo("link")
    linked.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zip_file:
        zip_file.writestr(linked, "/etc/hostname")
        zip_file.writestr("../out", "x")
        zip_file.writestr("good", "x")
    with Archive(tmp_path / "a.zip") as opened:
        assert opened.names == {"good"}


def test_a_file_of_another_size_than_the_archive_says_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"start4.elf": b"abc"})
    raw = bytearray(path.read_bytes())
    # The size in the central directory (APPNOTE.TXT, 4.3.12), which comes before the end record of 22 bytes.
    struct.pack_into("<I", raw, raw.index(b"PK\x01\x02") + 24, 4)
    path.write_bytes(raw)
    with Archive(path) as opened, pytest.raises(BadArchive, match=r"^start4\.elf in it has not the size"):
        opened.read("start4.elf")


@settings(max_examples=unless_quick(40), deadline=None)
@given(data=st.data())
def test_a_damaged_archive_is_refused_or_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    kind = data.draw(st.sampled_from(["zip", "tar", "bytes"]))
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a/b", b"b" * 100)
    elif kind == "tar":
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            info = tarfile.TarInfo("a/b")
            info.size = 100
            tar.addfile(info, io.BytesIO(b"b" * 100))
    raw = bytearray(buffer.getvalue() or data.draw(st.binary(max_size=200)))
    for _ in range(data.draw(st.integers(0, 4)) if raw else 0):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = folder / "x"
    path.write_bytes(raw)
    try:
        with Archive(path) as opened:
            for name in opened.names:
                opened.read(name)
    except BadArchive:
        pass
