"""Which texts say nearly the same thing?

MinHash signatures of three-token shingles (Broder, "On the resemblance and containment of documents", 1997) find the few texts worth
comparing; ROUGE-L over their tokens then decides. So the work grows nearly with the number of texts, and Chinese is compared character
by character. Everything is deterministic: hashes are of the content, the permutations come of a fixed seed.

>>> clusters(["static int f(int a) { return a + 1; }", "另一段完全不同的文字说明", "static int f(int a) { return a + 2; }"])
[0, 1, 0]

Not covered: a pair is found with a probability that falls with its share of common shingles (0.97 at a share of 0.4, 0.66 at 0.3), and
in a bucket of more than 16 differing texts the later ones are compared to 16 of them only.
"""
from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from curation.tokens import token_rouge_l, tokens

SHINGLE = 3  # tokens
BANDS, ROWS = 40, 3  # a pair sharing a part s of its shingles becomes a candidate with 1 - (1 - s^ROWS)^BANDS
MOST_IN_BUCKET = 16
LONGEST = 4096  # tokens of a text that are compared: what comes later changes nothing
_SEED = 20_240_501
_random = np.random.default_rng(_SEED)
_FACTORS = _random.integers(1, 2**63, size=BANDS * ROWS, dtype=np.uint64) | np.uint64(1)
_OFFSETS = _random.integers(0, 2**63, size=BANDS * ROWS, dtype=np.uint64)


class NearTexts:
    """Texts one can ask for the nearest of. Keys are any hashable values, the caller's names of the texts."""

    def __init__(self, threshold: float) -> None:
        """threshold: the least ROUGE-L (0..1) at which two texts count as near duplicates."""
        self.threshold = threshold
        self._tokens: list[list[str]] = []
        self._keys: list[str | int] = []
        self._buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)

    def nearest(self, text: str) -> tuple[str | int, float] | None:
        """(key, ROUGE-L) of the most alike text at or above the threshold, the earliest added among equals; None when there is none."""
        found = _cut(text)
        best: tuple[str | int, float] | None = None
        for number in sorted({n for bucket in _bands(found) for n in self._buckets.get(bucket, ())}):
            score = token_rouge_l(found, self._tokens[number])
            if score >= self.threshold and (best is None or score > best[1]):
                best = self._keys[number], score
        return best

    def add(self, key: str | int, text: str) -> None:
        found = _cut(text)
        for bucket in _bands(found):
            if len(self._buckets[bucket]) < MOST_IN_BUCKET:
                self._buckets[bucket].append(len(self._keys))
        self._keys.append(key)
        self._tokens.append(found)


def clusters(texts: Iterable[str], threshold: float = 0.8) -> list[int]:
    """A cluster number for each text: the index (0-based) of the first text of its cluster. Texts at or above `threshold` ROUGE-L are in
    one cluster, and so are those joined by a chain of such pairs. Equal texts always share a cluster, blank ones never do."""
    cut = [_cut(text) for text in texts]
    parent = list(range(len(cut)))
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for number, found in enumerate(cut):
        if not found:
            continue
        for bucket in _bands(found):
            representatives = buckets[bucket]
            if any(_joined(parent, cut, number, other, threshold) for other in representatives):
                continue
            if len(representatives) < MOST_IN_BUCKET:
                representatives.append(number)
    return [_root(parent, number) for number in range(len(cut))]


def _joined(parent: list[int], cut: list[list[str]], a: int, b: int, threshold: float) -> bool:
    root_a, root_b = _root(parent, a), _root(parent, b)
    if root_a == root_b:
        return True
    if token_rouge_l(cut[a], cut[b]) < threshold:
        return False
    parent[max(root_a, root_b)] = min(root_a, root_b)
    return True


def _root(parent: list[int], number: int) -> int:
    while parent[number] != number:
        parent[number] = parent[parent[number]]
        number = parent[number]
    return number


def _cut(text: str) -> list[str]:
    return tokens(text)[:LONGEST]


@lru_cache(maxsize=65_536)
def _hash(token: str) -> int:
    return int.from_bytes(hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _bands(found: Sequence[str]) -> list[tuple[int, bytes]]:
    """The buckets a text falls into: BANDS pairs of (band number, ROWS minima as bytes). No token: no bucket."""
    if not found:
        return []
    hashes = np.array([_hash(token) for token in found], dtype=np.uint64)
    if len(hashes) >= SHINGLE:
        shingles = hashes[:-2] * np.uint64(0x9E3779B97F4A7C15) + hashes[1:-1] * np.uint64(0xC2B2AE3D27D4EB4F) + hashes[2:]
    else:
        shingles = hashes.sum(keepdims=True, dtype=np.uint64)
    shingles = np.unique(shingles)
    mixed = shingles[None, :] * _FACTORS[:, None] + _OFFSETS[:, None]  # modulo 2**64, which uint64 does by itself
    mixed ^= mixed >> np.uint64(29)  # the low bits of a product are poor: mix the high ones in before taking the least
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    minima = mixed.min(axis=1).reshape(BANDS, ROWS)
    return [(band, row.tobytes()) for band, row in enumerate(minima)]
