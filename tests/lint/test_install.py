"""`machine.install`: paths that name no disk, selectors that select none, arguments that nothing heeds."""

from __future__ import annotations

import pytest

from hil.lint import install
from hil.lint.documents import read
from hil.lint.finding import Finding, Severity

ERROR, WARNING = Severity.ERROR, Severity.WARNING


def found(install_section: str) -> list[Finding]:
    result = read("node.yaml", f"machine: {{install: {{{install_section}}}}}\n".encode())
    assert result.findings == ()
    return list(install.check(result.documents))


@pytest.mark.parametrize(
    "disk",
    [
        *("/dev/sda", "/dev/sdaa", "/dev/vda", "/dev/xvdb", "/dev/nvme0n1", "/dev/nvme10n12", "/dev/mmcblk0"),
        *(
            "/dev/md127",
            "/dev/mapper/vg-root",
            "/dev/disk/by-id/nvme-Samsung_SSD_980_S64",
            "/dev/disk/by-path/pci-0000:01",
        ),
    ],
)
def test_a_disk_is_right(disk: str) -> None:
    assert found(f"disk: '{disk}'") == []


@pytest.mark.parametrize(
    ("disk", "severity", "words", "hint"),
    [
        ("sda", ERROR, "not the path of a disk", "/dev/sda"),
        ("sda_nonsense", ERROR, "not the path of a disk", "/dev/sda"),
        ("/dev/", ERROR, "not the path of a disk", "/dev/sda"),
        ("/dev", ERROR, "not the path of a disk", "/dev/sda"),
        ("/dev/../etc/passwd", ERROR, "not the path of a disk", ""),
        ("/mnt/disk", ERROR, "not the path of a disk", ""),
        ("/dev/sda1", ERROR, "names a partition", "write /dev/sda"),
        ("/dev/vdb15", ERROR, "names a partition", "write /dev/vdb"),
        ("/dev/nvme0n1p2", ERROR, "names a partition", "write /dev/nvme0n1"),
        ("/dev/mmcblk0p1", ERROR, "names a partition", "write /dev/mmcblk0"),
        ("/dev/disk/by-id/ata-X-part1", ERROR, "names a partition", "write /dev/disk/by-id/ata-X"),
        ("/dev/disk/by-uuid/1234", ERROR, "names a partition", "diskSelector"),
        ("/dev/disk/by-partlabel/STATE", ERROR, "names a partition", "diskSelector"),
        ("/dev/nvme0", ERROR, "controller", "write /dev/nvme0n1"),
        ("/dev/sr0", ERROR, "cannot be", ""),
        ("/dev/loop3", ERROR, "cannot be", ""),
        ("/dev/mmcblk0boot0", ERROR, "cannot be", ""),
        ("/dev/null", ERROR, "cannot be", ""),
        ("/dev/sda_nonsense", WARNING, "no driver of Linux", "/dev/vda"),
        ("/dev/sda ", WARNING, "no driver of Linux", ""),
    ],
)
def test_a_path_that_names_no_disk(disk: str, severity: Severity, words: str, hint: str) -> None:
    (one,) = found(f"disk: '{disk}'")
    assert one.severity is severity
    assert words.replace("cannot be", "not a disk that Talos can be installed to") in one.message
    assert hint in one.hint
    assert one.place.column == len("machine: {install: {disk: ") + 1


@pytest.mark.parametrize("section", ["", "disk: ''", "disk: [a]", "disk:", "diskSelector: {}", "extraKernelArgs: []"])
def test_what_talos_says_itself_is_left_to_it(section: str) -> None:
    assert found(section) == []


def test_a_selector_overrules_the_disk() -> None:
    (one,) = found("disk: /dev/sda, diskSelector: {model: WDC*}")
    assert (one.severity, one.words) == (WARNING, "disk:")


@pytest.mark.parametrize(
    "size", ["4GB", "> 1TB", "<= 2TiB", ">=100gb", "== 64 GB", "1000000", "1,5TB", "< 0.5 TB", "8G"]
)
def test_a_size_is_right(size: str) -> None:
    assert found(f"diskSelector: {{size: '{size}'}}") == []


@pytest.mark.parametrize("size", ["", ">> 1TB", "big", "4XB", "!= 4GB", "=> 4GB", "4GB or so"])
def test_a_size_is_wrong(size: str) -> None:
    (one,) = found(f"diskSelector: {{size: '{size}'}}")
    assert (one.severity, one.rule) == (ERROR, "disk-selector")


@pytest.mark.parametrize(
    ("selector", "words", "hint"),
    [
        ("szie: 4GB", "not selected by 'szie'", "did you mean 'size'?"),
        ("type: sata", "no disk matches", "types: hdd, nvme, sd, ssd"),
        ("name: sda", "does not select by name", "use `disk:`"),
    ],
)
def test_a_selector_that_selects_nothing(selector: str, words: str, hint: str) -> None:
    (one,) = found(f"diskSelector: {{{selector}}}")
    assert words in one.message
    assert hint in one.hint


@pytest.mark.parametrize("uki", ["true", "True", "yes"])
def test_arguments_of_grub_with_those_of_the_image(uki: str) -> None:
    (one,) = found(f"grubUseUKICmdline: {uki}, extraKernelArgs: [a=b]")
    assert (one.severity, one.rule) == (ERROR, "kernel-arguments")


@pytest.mark.parametrize("uki", ["", "grubUseUKICmdline: false, "])
def test_arguments_that_systemd_boot_does_not_heed(uki: str) -> None:
    (one,) = found(f"{uki}extraKernelArgs: [a=b]")
    assert (one.severity, one.rule) == (WARNING, "kernel-arguments")


def test_only_the_main_document_is_looked_at() -> None:
    result = read("node.yaml", b"kind: Other\nmachine: {install: {disk: sda}}\n")
    assert list(install.check(result.documents)) == []


def of_nodes(install_section: str, **nodes: tuple[str, ...]) -> list[Finding]:
    result = read("node.yaml", f"machine: {{install: {{{install_section}}}}}\n".encode())
    return list(install.check_nodes(result.documents, nodes))


def test_a_disk_that_no_node_has() -> None:
    [finding] = of_nodes("disk: /dev/mmcblk0", rack1=("/dev/nvme0n1", "/dev/vda"), rack2=())
    assert (finding.severity, finding.rule, finding.words) == (WARNING, "install-disk", "/dev/mmcblk0")
    assert finding.message == (
        "/dev/mmcblk0 is a disk of no node: rack1 has /dev/nvme0n1, /dev/vda; rack2 has no disk"
    )
    assert "`disks:`" in finding.hint


@pytest.mark.parametrize(
    "section",
    [
        "disk: /dev/vda",  # of one of the nodes
        "disk: /dev/disk/by-id/nvme-X",  # the machine alone knows what that is
        "disk: /dev/sda, diskSelector: {type: nvme}",  # Talos heeds the selector
        "disk: /dev/sda1",  # said already, as what no machine has
        "wipe: true",
    ],
)
def test_nothing_to_say_of_a_disk(section: str) -> None:
    assert of_nodes(section, rack1=("/dev/vda",), rack2=()) == []


def test_without_nodes_no_disk_is_missing() -> None:
    assert of_nodes("disk: /dev/sda") == []
