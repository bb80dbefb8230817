"""The bench's certificates, as a client that trusts the authority alone sees them; and who can read the key."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fake_headscale import FakeHeadscale, serving

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.services.tailnet.ca import make_authority
from hil.services.tailnet.http_access import Access

WITHIN = 10.0


def test_a_client_that_trusts_it_takes_its_address_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "another").mkdir()
    authority = make_authority(tmp_path, "10.0.2.100", bench="b")
    another = make_authority(tmp_path / "another", "10.0.2.100", bench="b")
    with serving(tmp_path / "s", authority, FakeHeadscale({"GET /": (200, b"{}")})) as path:
        right = Access("https://10.0.2.100:8443", authority.ca_pem, path)
        assert right.ask("GET", "/", deadline=Deadline.after(WITHIN)).body == b"{}"
        for wrong, why in (
            (Access("https://10.0.2.101:8443", authority.ca_pem, path), "IP address mismatch"),
            (Access("https://10.0.2.100:8443", another.ca_pem, path), "CERTIFICATE_VERIFY_FAILED"),
            (Access("https://10.0.2.100:8443", "", path), "CERTIFICATE_VERIFY_FAILED"),
        ):
            with pytest.raises(InfrastructureError, match=why):
                wrong.ask("GET", "/", deadline=Deadline.after(WITHIN))


def test_only_its_owner_reads_the_key(tmp_path: Path) -> None:
    authority = make_authority(tmp_path, "10.0.2.100", bench="b" * 100)
    assert authority.key.stat().st_mode & 0o777 == 0o600
    assert authority.ca_file.read_text() == authority.ca_pem
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["ca.crt", "server.crt", "server.key"]
    assert "CERTIFICATE" not in repr(authority)
