"""A board's tree, judged before the board is switched on; `hil lint raspberry`, as a person and a program meet it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hil.cli.lint import command
from hil.config.rpi import RpiConfig
from hil.errors import ConfigError, UsageError
from hil.lint.raspberry.check import check_tree, refuse_errors
from hil.netboot.rpi.tree import Tree

OWN = b"arm_64bit=1\nenable_uart=1\narmstub=RPI_EFI.fd\ndevice_tree_address=0x3e0000\ndtoverlay=disable-bt\n"
SERVED = {"start4.elf": b"", "fixup4.dat": b"", "RPI_EFI.fd": b"", "overlays/disable-bt.dtbo": b""}


def tree(config: bytes, **files: bytes) -> Tree:
    named = {name.replace("_", "."): data for name, data in files.items()}
    return Tree("cm4", "dc:a6:32:01:36:c2", "10c2a4b7", {"config.txt": config, **SERVED, **named}, {})


def section(**keys: object) -> RpiConfig:
    return RpiConfig.model_validate({"serial": "10c2a4b7", "firmware": "twin:firmware", **keys})


def test_a_right_tree_is_let_through() -> None:
    checked = check_tree(tree(OWN), section())
    assert [one.file for one in checked] == ["config.txt of hil's own"]
    refuse_errors(checked)


def test_an_error_is_said_with_the_users_file_and_line(tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_bytes(OWN.replace(b"arm_64bit=1", b"arm_64bit=0"))
    with pytest.raises(ConfigError) as caught:
        refuse_errors(check_tree(tree(own.read_bytes()), section(config_txt=own)))
    assert f"{own}:1:1: error: the processor starts in 32-bit mode" in caught.value.render()
    assert "hil lint raspberry" in caught.value.hint


def test_what_the_rig_starts_and_what_config_txt_starts_must_agree() -> None:
    with pytest.raises(ConfigError, match=r"kernel is not u-boot\.bin"):
        refuse_errors(check_tree(tree(OWN), section(via="u-boot")))


def test_a_cmdline_txt_is_judged_by_what_config_txt_starts() -> None:
    [_, arguments] = check_tree(tree(OWN, cmdline_txt=b"console=ttyS0\n"), section())
    assert [finding.rule for finding in arguments.findings] == ["cmdline-unused", "console-mini-uart"]
    linux = OWN.replace(b"armstub=RPI_EFI.fd", b"kernel=start4.elf\ncmdline=my.txt")
    [_, arguments] = check_tree(tree(linux, my_txt=b"quiet\nx\n"), section())
    assert [finding.rule for finding in arguments.findings] == ["no-console", "cmdline-lines"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["raspberry", *arguments])


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "config.txt").write_bytes(OWN + b"dtoverlya=x\n")
    (tmp_path / "wrong.txt").write_bytes(OWN + b"arm_64bit=0\n")
    (tmp_path / "cmdline.txt").write_bytes(b"console=ttyAMA0\nquiet\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_warning_is_shown_and_is_an_error_only_when_strict(files: Path) -> None:
    result = run("config.txt")
    assert result.exit_code == 0
    assert "config.txt:6:1: warning: no documented setting is called dtoverlya" in result.stdout
    assert result.stdout.endswith("config.txt: ok\n")
    assert isinstance(run("--strict", "config.txt").exception, ConfigError)


def test_the_errors_of_all_files_are_one_error(files: Path) -> None:
    error = run("wrong.txt", "config.txt", "cmdline.txt").exception
    assert isinstance(error, ConfigError)
    assert [(problem.file, problem.line) for problem in error.problems] == [("wrong.txt", 6), ("cmdline.txt", 2)]


def test_a_pipe_is_not_waited_for(files: Path) -> None:
    os.mkfifo(files / "pipe.txt")
    error = run("pipe.txt").exception
    assert isinstance(error, UsageError)
    assert error.message == "pipe.txt is no file"


def test_for_a_program(files: Path) -> None:
    document = json.loads(run("--json", "--model", "cm3", "cmdline.txt").stdout)
    assert (document["schema"], document["model"]) == ("hil.lint.raspberry/1", "cm3")
    [file] = document["files"]
    assert (file["file"], file["ok"]) == ("cmdline.txt", False)
    assert file["findings"][0]["rule"] == "cmdline-lines"
