"""The `tailnet:` section of a rig file: a control server of the user's own, whose keys stand in no file."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.rigs import PROBE_RIG, write_rig

from hil.config.rig import load_rig
from hil.config.tailnet import TailnetConfig
from hil.errors import ConfigError

ENVIRONMENT = {"TS_KEY": "topsecret", "HS_KEY": "anothersecret"}
URL = "https://headscale.example"


def section(folder: Path, text: str) -> TailnetConfig | None:
    """The section as a rig file has it; `text` is YAML in one line."""
    file = write_rig(folder, PROBE_RIG)
    file.write_text(file.read_text().removesuffix("}") + f', "tailnet": {{{text}}}\n}}')
    return load_rig(file, cwd=folder, environment=ENVIRONMENT).tailnet


def test_a_rig_without_it_has_a_tailnet_of_its_own(tmp_path: Path) -> None:
    assert load_rig(write_rig(tmp_path, PROBE_RIG), cwd=tmp_path, environment={}).tailnet is None


def test_all_of_it(tmp_path: Path) -> None:
    found = section(tmp_path, f"url: '{URL}/', auth_key: !env TS_KEY, api_key: !env HS_KEY, peer: ts.sock")
    assert found is not None
    assert (found.url, found.peer) == (URL, tmp_path / "ts.sock")
    assert found.api_key is not None
    assert (found.auth_key.reveal(), found.api_key.reveal()) == ("topsecret", "anothersecret")
    for shown in (repr(found), found.model_dump_json()):
        assert "secret from $TS_KEY" in shown
        assert "topsecret" not in shown
        assert "anothersecret" not in shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "url: 'headscale.example', auth_key: !env TS_KEY",
            "'headscale.example' is not the address of a",
        ),
        ("url: 'https://me:word@h.example', auth_key: !env TS_KEY", "is not the address of a control server"),
        ("url: 'https://h.example/path', auth_key: !env TS_KEY", "is not the address of a control server"),
        (f"url: '{URL}'", "the key 'auth_key' is missing"),
        (f"url: '{URL}', auth_key: hskey-auth-1", "a secret must not stand in a file"),
        (f"url: '{URL}', auth_key: !env NOT_SET", "NOT_SET"),
    ],
)
def test_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        section(tmp_path, text)
    assert message in caught.value.message
    assert "hskey-auth-1" not in caught.value.message
