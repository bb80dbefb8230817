"""Compressing an archive: what the kernel unpacks is what went in, and the same bytes give the same bytes."""

from __future__ import annotations

import random

import zstandard

from hil.images.compress import QUICK, SMALL, compressed


def test_each_level_is_one_frame_that_unpacks_to_the_same_and_the_harder_one_is_smaller() -> None:
    words = [random.Random(number).randbytes(9) for number in range(200)]
    order = random.Random(5)
    archive = b"".join(order.choice(words) for _ in range(30_000))
    sizes = []
    for level in (QUICK, SMALL):
        data = compressed(archive, level)
        assert data == compressed(archive, level)
        assert zstandard.ZstdDecompressor().decompress(data) == archive
        sizes.append(len(data))
    assert sizes[1] < sizes[0]
