"""Keyed randomness: every draw is a function of its key, on every machine."""

from __future__ import annotations

import hashlib
from typing import Any


def key(*parts: Any) -> int:
    """A 63-bit key from the parts (blake2b): the only source of randomness. Same parts, same key, on every machine."""
    text = "/".join(str(p) for p in parts).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def uniform(*parts: Any) -> float:
    """A number in 0..1 (24 bits, exact in float32) from the parts, by `key`."""
    return key(*parts) % 2**24 / 2**24
