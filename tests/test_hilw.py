"""hilw: what it says when it cannot, what it does once, and that it works from anywhere. Installs nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HILW = Path(__file__).parent.parent / "hilw"
BORROWED = (
    "sh",
    "dirname",
    "readlink",
    "cmp",
    "id",
    "mkdir",
    "rm",
    "cp",
    "mv",
    "cat",
    "env",
    "flock",
    "ln",
    "chmod",
    "true",
    "find",
    "cksum",
    "sort",
)

# Stands in for the system's Python: says it is new enough, and makes "environments" of stand-ins.
FAKE_PYTHON = """#!/bin/sh
case "$1" in
    -c) exit ${FAKE_OLD_PYTHON:-0} ;;
    -m)
        echo "venv" >>"$FAKE_LOG"
        mkdir -p "$3/bin"
        cat >"$3/bin/python" <<'EOF'
#!/bin/sh
case "$*" in
    *"config get"*) echo "${FAKE_INDEX:-}" ;;
    *) echo "pip" >>"$FAKE_LOG" ;;
esac
EOF
        cp "$FAKE_UV" "$3/bin/uv"
        chmod 755 "$3/bin/python" "$3/bin/uv" ;;
esac
"""
FAKE_UV = """#!/bin/sh
if [ "$1" = --version ]; then exit 0; fi
echo "uv $1 $2${UV_DEFAULT_INDEX:+ from $UV_DEFAULT_INDEX}" >>"$FAKE_LOG"
if [ "$1" = venv ]; then
    for venv; do :; done
    mkdir -p "$venv/bin"
    printf '#!/bin/sh\\necho "python $PWD: $*"\\n' >"$venv/bin/python"
    printf '#!/bin/sh\\necho "hil: $*"\\necho "hil $*" >>"$FAKE_LOG"\\nexit ${FAKE_HIL_CODE:-0}\\n' >"$venv/bin/hil"
    chmod 755 "$venv/bin/python" "$venv/bin/hil"
fi
if [ "$1 $2" = "${FAKE_BREAK:-}" ]; then echo "the index is down" >&2; exit 1; fi
"""


@dataclass
class Checkout:
    """A checkout with nothing set up, and a host with only what a test puts on it."""

    root: Path
    programs: Path
    log: Path
    env: dict[str, str]

    def stub(self, name: str, text: str = "#!/bin/sh\n") -> None:
        path = self.programs / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def run(
        self, *words: str, cwd: Path | None = None, script: Path | str | None = None, **env: str
    ) -> tuple[int, str, str]:
        done = subprocess.run(
            [str(script or self.root / "hilw"), *words],
            cwd=cwd or "/", env={**self.env, **env}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def done(self) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root, programs = tmp_path / "my check out", tmp_path / "bin"
    (root / "fixtures/services/matchbox").mkdir(parents=True)
    (root / "fixtures/node/cmd").mkdir(parents=True)
    programs.mkdir()
    shutil.copy(HILW, root)
    for name in ("requirements.lock", "requirements-uv.lock", "pyproject.toml", "fixtures/services/matchbox/go.sum"):
        (root / name).write_text(f"{name}\n")
    for name in BORROWED:
        found = shutil.which(name)
        assert found is not None, name
        (programs / name).symlink_to(found)
    uv = tmp_path / "uv"
    uv.write_text(FAKE_UV)
    env = {
        "PATH": str(programs),
        "HOME": str(tmp_path / "home"),
        "FAKE_UV": str(uv),
        "FAKE_LOG": str(tmp_path / "log"),
    }
    made = Checkout(root, programs, tmp_path / "log", {**env, "HIL_EDK2_CODE": "given"})
    made.stub("python3", FAKE_PYTHON)
    for name in ("unshare", "qemu-system-aarch64", "dnsmasq", "ip"):
        made.stub(name)
    made.env["HIL_CACHE"] = str(tmp_path / "cache")
    return made


def test_the_first_start_sets_up_and_the_second_does_not(checkout: Checkout) -> None:
    assert checkout.run("rig", "list")[:2] == (0, "hil: rig list\n")
    assert checkout.done() == ["venv", "pip", "uv venv --quiet", "uv pip sync", "uv pip install", "hil rig list"]
    code, out, err = checkout.run("rig", "a b", "")
    assert (code, out, err) == (0, "hil: rig a b \n", "")
    assert checkout.done() == ["hil rig a b "]


def test_from_anywhere_and_through_links(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("my check out/hilw")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    assert checkout.run("x", script=tmp_path / "two", cwd=tmp_path)[1] == "hil: x\n"
    assert checkout.run("x", script="./hilw", cwd=checkout.root)[2] == ""
    assert (checkout.root / ".hil/stamp").is_dir()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-uv.lock", "pyproject.toml"])
def test_a_changed_lock_is_synced(checkout: Checkout, name: str) -> None:
    checkout.run("x")
    checkout.done()
    (checkout.root / name).write_text("changed\n")
    checkout.run("x")
    again = checkout.done()
    assert "uv pip sync" in again
    assert ("pip" in again) == (name == "requirements-uv.lock")
    checkout.run("x")
    assert checkout.done() == ["hil x"]


def test_a_moved_checkout_is_set_up_anew(checkout: Checkout, tmp_path: Path) -> None:
    checkout.run("x")
    checkout.done()
    checkout.root.rename(tmp_path / "elsewhere")
    checkout.run("x", script=tmp_path / "elsewhere/hilw")
    assert "uv venv --quiet" in checkout.done()


def test_an_interrupted_set_up_is_done_again(checkout: Checkout) -> None:
    code, _, err = checkout.run("x", FAKE_BREAK="pip sync")
    assert code == 3
    assert "the index is down" in err
    assert "hilw: uv pip sync failed" in err
    checkout.done()
    assert checkout.run("x")[0] == 0
    assert checkout.done() == ["uv venv --quiet", "uv pip sync", "uv pip install", "hil x"]


def test_two_at_once_set_up_once(checkout: Checkout) -> None:
    words = [str(checkout.root / "hilw"), "x"]
    both = [subprocess.Popen(words, env=checkout.env, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=60)[0] for process in both] == ["hil: x\n"] * 3
    assert checkout.done().count("uv pip sync") == 1


def test_the_index_of_pip_is_the_index_of_uv(checkout: Checkout) -> None:
    checkout.run("x", FAKE_INDEX="https://pypi.example/simple")
    assert "uv pip sync from https://pypi.example/simple" in checkout.done()


def test_the_exit_code_is_hils(checkout: Checkout) -> None:
    assert checkout.run("check", FAKE_HIL_CODE="1")[0] == 1


def test_without_rights_it_prints_the_one_command(checkout: Checkout) -> None:
    checkout.stub("id", "#!/bin/sh\necho 1000\n")
    checkout.stub("apt-get", '#!/bin/sh\necho "apt $*" >>"$FAKE_LOG"\n')
    for name in ("python3", "qemu-system-aarch64"):
        (checkout.programs / name).unlink()
    code, out, err = checkout.run("boot")
    assert (code, out) == (3, "")
    assert err == (
        "hilw: these system packages are missing, and sudo asks for a password; run this, then ./hilw again:\n"
        "    sudo apt-get install --yes --no-install-recommends python3 python3-venv qemu-system-arm\n"
    )
    assert checkout.done() == []
    checkout.stub("sudo", "#!/bin/sh\nexit 1\n")
    assert checkout.run("boot")[0] == 3


def test_with_sudo_it_installs(checkout: Checkout) -> None:
    checkout.stub("id", "#!/bin/sh\necho 1000\n")
    checkout.stub("sudo", '#!/bin/sh\necho "sudo $1" >>"$FAKE_LOG"\nshift\nexec "$@"\n')
    checkout.stub("apt-get", '#!/bin/sh\necho "apt $*" >>"$FAKE_LOG"\n')
    (checkout.programs / "qemu-system-aarch64").unlink()
    assert checkout.run("x")[0] == 0
    lines = checkout.done()
    assert lines[0] == "sudo -n"
    options = "-qq -o DPkg::Lock::Timeout=300"
    assert f"apt {options} update" in lines
    assert f"apt {options} install --yes --no-install-recommends qemu-system-arm" in lines


def test_an_installation_that_fails(checkout: Checkout) -> None:
    checkout.stub("id", "#!/bin/sh\necho 0\n")
    checkout.stub("apt-get", "#!/bin/sh\necho no space >&2\nexit 100\n")
    (checkout.programs / "qemu-system-aarch64").unlink()
    code, _, err = checkout.run("x")
    assert code == 3
    assert "no space" in err
    assert "    sudo apt-get install --yes --no-install-recommends qemu-system-arm\n" in err


def test_a_distribution_without_apt(checkout: Checkout) -> None:
    (checkout.programs / "unshare").unlink()
    code, _, err = checkout.run("x")
    assert code == 3
    assert "hilw: this host lacks what Debian has in the packages: util-linux\n" in err
    assert "it has no apt-get" in err


def test_a_python_that_is_too_old_even_after_installing(checkout: Checkout) -> None:
    checkout.stub("id", "#!/bin/sh\necho 0\n")
    checkout.stub("apt-get")
    code, _, err = checkout.run("x", FAKE_OLD_PYTHON="1")
    assert code == 3
    assert "Python 3.11 or newer with venv is needed" in err


def test_boot_gets_what_a_bench_needs_once(checkout: Checkout, tmp_path: Path) -> None:
    code, out, err = checkout.run("boot", "--json")
    assert (code, out) == (0, "hil: boot --json\n"), "what doctor prints is not on the output of boot"
    assert "hil: doctor --fix" in err
    checkout.done()
    (tmp_path / "cache/entries").mkdir(parents=True)
    (tmp_path / "cache/entries/matchbox.json").touch()
    checkout.run("boot")
    assert checkout.done() == ["hil boot"]
    (checkout.root / "fixtures/services/matchbox/go.sum").write_text("another\n")
    checkout.run("boot")
    assert checkout.done() == ["hil doctor --fix", "hil boot"]
    node = checkout.root / "fixtures/node/cmd"
    for name, fitted in (("main.go", True), ("main_test.go", False)):
        (node / name).write_text("package main\n")
        checkout.run("boot")
        assert checkout.done() == (["hil doctor --fix", "hil boot"] if fitted else ["hil boot"])
    checkout.run("boot", HIL_CACHE=str(tmp_path / "other"))
    assert checkout.done() == ["hil doctor --fix", "hil boot"]
    code, _, _ = checkout.run("boot", HIL_CACHE=str(tmp_path / "third"), FAKE_HIL_CODE="3")
    assert code == 3
    assert checkout.done() == ["hil doctor --fix"]


@pytest.mark.parametrize(
    ("words", "fitted", "selection"),
    [
        (["test"], True, "not slow"),
        (["test", "-k", "a b"], True, "not slow"),
        (["test", "--slow", "-x"], True, "slow"),
        (["test", "--fast"], False, "not boot and not slow"),
    ],
)
def test_tests(checkout: Checkout, words: list[str], fitted: bool, selection: str) -> None:
    code, out, _ = checkout.run(*words)
    rest = [word for word in words[1:] if word not in ("--slow", "--fast")]
    assert code == 0
    spread = ["--numprocesses=auto", "--dist=worksteal", "--hypothesis-profile=quick"] if "--fast" in words else []
    assert out == f"python {checkout.root}: {' '.join(['-m', 'pytest', '-m', selection, *spread, *rest])}\n"
    assert ("hil doctor --fix" in checkout.done()) == fitted


def test_shellcheck_is_content() -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([str(shellcheck), str(HILW)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert os.access(HILW, os.X_OK)
