"""Downloads a URL whose sha256 is known into the cache: resumed after a break, checked, fetched once.

What is recorded and shown of a URL has neither its user name nor its query, which may be secrets. This
module knows nothing of packages or images.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from hil.clock import Deadline
from hil.errors import InfrastructureError, UsageError
from hil.tools.cache import Cache
from hil.tools.progress import Progress, Step

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

_SILENCE = 30.0
_FRUITLESS = 3
_PIECE = 1 << 20
_BUSY = (429, 500, 502, 503, 504)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")


class DigestMismatch(InfrastructureError):
    """What came is not what was expected.

    Args:
        url: where it came from, as shown.
        expected: sha256 as given, hex.
        found: sha256 of what came, hex.
    """

    def __init__(self, url: str, expected: str, found: str) -> None:
        super().__init__(
            f"{url} is not the file that was expected: its sha256 is {found}, expected was {expected}",
            hint="if the file was replaced on purpose, write its new sha256; otherwise do not use it",
        )
        self.expected = expected
        self.found = found


@dataclass(frozen=True, slots=True)
class ContentRange:
    """Which part a reply has: first and last byte, and the size of the whole, if known (RFC 9110, 14.4)."""

    first: int
    last: int
    total: int | None


def parse_content_range(value: str) -> ContentRange | None:
    """A Content-Range header; None when it is not one of bytes, or contradicts itself."""
    match = _RANGE.fullmatch(value.strip())
    if match is None:
        return None
    total = None if match[3] == "*" else int(match[3])
    found = ContentRange(int(match[1]), int(match[2]), total)
    if found.last < found.first or (total is not None and found.last >= total):
        return None
    return found


def shown(url: str) -> str:
    """The URL without user name, password, query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def fetch(url: str, sha256: str, cache: Cache, *, progress: Progress, deadline: Deadline) -> Path:
    """The file, from the cache or from its URL.

    Args:
        url: http or https.
        sha256: of the whole file, hex.
        cache: where it is kept, and its first part when a download breaks off.
        progress: told how much has come.
        deadline: when all of it must be there.

    Raises:
        UsageError: the URL or the digest is not one.
        DigestMismatch: the file is another one.
        InfrastructureError: it could not be fetched.
    """
    digest = sha256.lower()
    _check_arguments(url, digest)
    name = f"url-{digest[:32]}"
    if (found := cache.file(name, digest)) is not None:
        return found
    with cache.making(name, deadline):
        if (found := cache.file(name, digest)) is not None:
            return found
        part = cache.partial(digest)
        begun = part.exists()
        _Download(url, part, progress, deadline).run()
        seen = _sha256_of(part)
        if seen != digest and begun:
            # What an earlier process left may be of another version of the file.
            part.unlink()
            _Download(url, part, progress, deadline).run()
            seen = _sha256_of(part)
        if seen != digest:
            part.unlink()
            raise DigestMismatch(shown(url), digest, seen)
        how = "downloaded, sha256 checked"
        return cache.put_file(name, part, key=digest, origin=shown(url), how=how)


def _check_arguments(url: str, digest: str) -> None:
    if not _SHA256.fullmatch(digest):
        raise UsageError(f"{digest!r} is not a sha256: 64 hexadecimal digits", hint="take it from `sha256sum FILE`")
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise UsageError(f"{url!r} is not an http or https URL", hint="write https://HOST/PATH")


class _Download:
    """One download into one file, over as many connections as it takes."""

    def __init__(self, url: str, part: Path, progress: Progress, deadline: Deadline) -> None:
        self._url = url
        self._part = part
        self._tag_file = part.with_name(part.name + ".tag")
        self._progress = progress
        self._deadline = deadline

    def run(self) -> None:
        """Fetch until the file is whole; give up when several connections in a row brought nothing."""
        from urllib3.exceptions import HTTPError, MaxRetryError

        fruitless, trouble = 0, "the connection ended early"
        with _pool(self._url) as pool:
            while fruitless < _FRUITLESS:
                before = self._size()
                try:
                    if self._once(pool):
                        self._tag_file.unlink(missing_ok=True)
                        return
                except MaxRetryError as error:
                    # urllib3 has tried several times already. Its own words have the whole URL in them.
                    trouble = str(error.reason)
                    break
                except HTTPError as error:
                    trouble = str(error)
                except OSError as error:
                    raise InfrastructureError(
                        f"{self._part} cannot be written: {error.strerror}",
                        hint="make room, or set HIL_CACHE to a folder on another disk",
                    ) from error
                fruitless = 0 if self._size() > before else fruitless + 1
                if self._deadline.expired:
                    break
        when = f" within {self._deadline}" if self._deadline.expired else ""
        raise InfrastructureError(
            f"{shown(self._url)} could not be fetched{when} ({self._size()} bytes came): {trouble}",
            hint="see that this host reaches that server; what came is kept, the next try goes on from there",
        )

    def _size(self) -> int:
        try:
            return self._part.stat().st_size
        except FileNotFoundError:
            return 0

    def _once(self, pool: PoolManager) -> bool:
        """One connection; true when the file is whole."""
        start = self._size()
        headers = self._headers(start)
        reply = pool.request("GET", self._url, headers=headers, preload_content=False, timeout=self._patience())
        try:
            return self._take(reply, start)
        finally:
            reply.close()

    def _patience(self) -> float:
        return max(0.1, min(_SILENCE, self._deadline.remaining() or _SILENCE))

    def _headers(self, start: int) -> dict[str, str]:
        from urllib3.util import make_headers

        parts = urlsplit(self._url)
        login = f"{parts.username}:{parts.password or ''}" if parts.username else None
        headers = make_headers(basic_auth=login)
        # A server's content coding would make byte positions meaningless.
        headers["Accept-Encoding"] = "identity"
        if start:
            headers["Range"] = f"bytes={start}-"
            with suppress(OSError):
                # If-Range: another version of the file comes from its first byte instead (RFC 9110, 13.1.5).
                headers["If-Range"] = self._tag_file.read_text(encoding="ascii")
        return headers

    def _take(self, reply: BaseHTTPResponse, start: int) -> bool:
        if reply.status == 416:
            # Nothing is left to send, or the file is shorter than what we have: the digest will tell.
            return start > 0
        if reply.status not in (200, 206):
            raise InfrastructureError(
                f"{shown(self._url)}: the server answered {reply.status} {reply.reason or ''}".rstrip(),
                hint="correct the URL, or ask whoever runs that server",
            )
        total = _length(reply.headers)
        if reply.status == 206:
            part = parse_content_range(reply.headers.get("Content-Range", ""))
            if part is None or part.first != start:
                self._part.unlink(missing_ok=True)
                return False
            total = part.total
        else:
            start = 0
        self._remember_tag(reply.headers)
        return self._write(reply, start, total)

    def _write(self, reply: BaseHTTPResponse, start: int, total: int | None) -> bool:
        done = start
        with self._part.open("ab" if start else "wb") as stream:
            while piece := reply.read1(_PIECE):
                stream.write(piece)
                stream.flush()
                done += len(piece)
                self._progress(Step(f"fetching {shown(self._url)}", done, total, "bytes"))
                if self._deadline.expired:
                    return False
        return total is None or done >= total

    def _remember_tag(self, headers: Mapping[str, str]) -> None:
        tag = headers.get("ETag", "")
        # A weak tag may stand for other bytes, so it must not be used in If-Range (RFC 9110, 13.1.5).
        if tag.startswith('"') and tag.isascii() and tag.isprintable():
            self._tag_file.write_text(tag, encoding="ascii")
        else:
            self._tag_file.unlink(missing_ok=True)


def _length(headers: Mapping[str, str]) -> int | None:
    value = headers.get("Content-Length", "")
    return int(value) if value.isascii() and value.isdigit() else None


def _pool(url: str) -> PoolManager:
    from urllib.request import getproxies, proxy_bypass

    from urllib3 import PoolManager, ProxyManager, Retry

    retries = Retry(
        total=6, connect=3, read=0, redirect=5, status=3, status_forcelist=_BUSY, backoff_factor=0.3,
        raise_on_status=False, respect_retry_after_header=False,
    )  # fmt: skip
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if proxy and not proxy_bypass(parts.hostname or ""):
        return ProxyManager(proxy, retries=retries)
    return PoolManager(retries=retries)


def _sha256_of(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        # An empty file is a file too: the server sent no byte.
        path.touch()
        return hashlib.sha256(b"").hexdigest()
