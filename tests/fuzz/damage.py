"""Damage to inputs, each drawn from a seed alone."""

from __future__ import annotations

import json
import random
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any

STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**40, -(2**70), 0.5, 1e308, -0.0),
    *(float("nan"), float("inf"), "", " ", "0", "nan", "None", "../../evil", "/etc/passwd"),
    *("\ud800", "\x00", "\r\n", "=1+1", "|", "<script>", "a" * 5000, "ü", "\u202e", "%s{}"),
    *([], {}, [[]], {"": ""}, [None] * 50, "2024-13-45", "dd[preset=published]", "file:///etc"),
)
NUMBERS = (b"0", b"-1", b"1", b"65535", b"4294967296", b"9" * 30, b"1e999", b"nan", b"0.1", b"")
LETTERS = (b"\x00", b"\xff", b"\n", b"\r", b'"', b",", b"{", b"[" * 3000, b"\xed\xa0\x80", b"'")


def damage_bytes(data: bytes, draw: random.Random) -> bytes:
    """Flip, cut, drop, repeat, insert or overwrite, once or a few times."""
    for _ in range(draw.choice((1, 1, 1, 2, 4, 16))):
        data = draw.choice(BYTE_DAMAGES)(data, draw)
    return data


def _place(data: bytes, draw: random.Random) -> int:
    """A position, often near the beginning, where the headers are."""
    return draw.randrange(min(len(data), draw.choice((16, 64, 512, len(data) or 1))) or 1)


def _flip(data: bytes, draw: random.Random) -> bytes:
    place = _place(data, draw)
    return data[:place] + bytes([draw.randrange(256)]) + data[place + 1 :]


def _cut(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def _drop(data: bytes, draw: random.Random) -> bytes:
    place = _place(data, draw)
    return data[:place] + data[place + draw.choice((1, 4, 64, 1024)) :]


def _repeat(data: bytes, draw: random.Random) -> bytes:
    place, length = _place(data, draw), draw.choice((1, 8, 256))
    return data[: place + length] + data[place:]


def _insert(data: bytes, draw: random.Random) -> bytes:
    place = _place(data, draw)
    return data[:place] + draw.choice(LETTERS) + data[place:]


def _extreme(data: bytes, draw: random.Random) -> bytes:
    """Overwrite a binary number by one of its extremes."""
    width = draw.choice((2, 4, 8))
    place, fill = _place(data, draw), draw.choice((b"\x00", b"\xff", b"\x7f"))
    return data[:place] + fill * width + data[place + width :]


def _number(data: bytes, draw: random.Random) -> bytes:
    """Replace a written number by a strange one."""
    found = list(re.finditer(rb"-?\d+(\.\d+)?", data[:20000]))
    if not found:
        return _flip(data, draw)
    chosen = draw.choice(found)
    return data[: chosen.start()] + draw.choice(NUMBERS) + data[chosen.end() :]


def _swap(data: bytes, draw: random.Random) -> bytes:
    """Exchange two lines."""
    lines = data.split(b"\n")
    first, second = draw.randrange(len(lines)), draw.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    return b"\n".join(lines)


BYTE_DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_flip, _flip, _cut, _drop, _repeat, _insert, _extreme, _extreme, _number, _swap),
)


def damage_json(data: bytes, draw: random.Random) -> bytes:
    """Replace, drop or rename parts of a document; now and then damage its bytes."""
    if draw.random() < 0.2:
        return damage_bytes(data, draw)
    document = json.loads(data)
    for _ in range(draw.choice((1, 1, 2, 4))):
        document = _damaged(document, draw)
    return json.dumps(document).encode()


def _damaged(node: Any, draw: random.Random) -> Any:
    if not isinstance(node, dict | list) or not node or draw.random() < 0.15:
        return draw.choice(STRANGE)
    copy: Any = dict(node) if isinstance(node, dict) else list(node)
    key = draw.choice(list(copy)) if isinstance(copy, dict) else draw.randrange(len(copy))
    match draw.randrange(8):
        case 0:
            del copy[key]
        case 1 if isinstance(copy, dict):
            copy[str(draw.choice(STRANGE))] = copy.pop(key)
        case 2 if isinstance(copy, list):
            copy.append(copy[key])
        case _:
            copy[key] = _damaged(copy[key], draw)
    return copy


def damage_png(data: bytes, draw: random.Random) -> bytes:
    """Damage a PNG; mostly its chunks are sealed again, so that readers come to their contents."""
    damaged = damage_bytes(data, draw)
    return _sealed(damaged) if draw.random() < 0.7 else damaged


def _sealed(data: bytes) -> bytes:
    """Write the right checksum after each chunk."""
    found, place = bytearray(data), 8
    while place + 12 <= len(found):
        (length,) = struct.unpack(">I", found[place : place + 4])
        end = place + 8 + length
        if end + 4 > len(found):
            break
        found[end : end + 4] = struct.pack(">I", zlib.crc32(bytes(found[place + 4 : end])))
        place = end + 4
    return bytes(found)
