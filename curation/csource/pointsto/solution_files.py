"""How is a solution kept, so that the next process asks it at once? As flat arrays and lines on disk, mapped and read where asked.

>>> save_solution(solution, folder)
>>> load_solution(index, folder).reaching(call)
{12: 3075}

Nodes, values and edges keep their numbers. What is asked is the same as of one just solved; it cannot be solved further.
"""
from __future__ import annotations

import json
import mmap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from curation.csource.arrays.bounded_cache import Recent
from curation.csource.arrays.keys import name_key
from curation.csource.arrays.postings import Postings, load_array
from curation.csource.index.nearest import DefiningFiles
from curation.csource.pointsto.edges import Edges
from curation.csource.pointsto.nodes import Node, Value, from_parts
from curation.csource.pointsto.solution import Solution
from curation.csource.pointsto.solver import AddressTaken, CallKey

if TYPE_CHECKING:
    from curation.csource.index.lookup import Index

_KEPT = 50_000  # lines of each list kept read


def save_solution(solution: Solution, folder: Path) -> None:
    """Writes the solution into an empty folder."""
    folder.mkdir(parents=True)
    _write_lines(folder, "nodes", (_text(node) for node in solution.nodes), keyed=True)
    _write_lines(folder, "values", (_text(value) for value in solution.values), keyed=True)
    _write_lines(folder, "addresses", (_text(addresses) for addresses in solution.addresses), keyed=False)
    calls = ((_text(key), nodes) for key, nodes in solution.calls_at.items())
    _write_lines(folder, "calls", (f"{key}\t{json.dumps(nodes)}" for key, nodes in calls), keyed=True)
    holding = sorted(node for node, held in solution.held.items() if held)
    sizes = np.fromiter((len(solution.held[node]) for node in holding), np.int64, len(holding))
    count = int(sizes.sum())
    _array(folder, "held_starts", np.concatenate([[0], np.cumsum(sizes)]), np.int64)
    _array(folder, "held_nodes", holding, np.int64)
    _array(folder, "held_values", np.fromiter((value for node in holding for value in solution.held[node]), np.int32, count), np.int32)
    origins = (origin for node in holding for origin in solution.held[node].values())
    _array(folder, "held_origins", np.fromiter(origins, np.int32, count), np.int32)
    edges = solution.edges
    numbers = np.concatenate([edges.edges, np.fromiter(edges.added.keys(), np.int64, len(edges.added))])
    places = np.concatenate([edges.places, np.fromiter(edges.added.values(), np.int64, len(edges.added))])
    order = np.argsort(numbers, kind="stable")
    _array(folder, "edges", numbers[order], np.int64)
    _array(folder, "edge_places", places[order], np.int64)
    backward = np.argsort(numbers & 0xFFFFFFFF, kind="stable")
    _array(folder, "backward_targets", numbers[backward] & 0xFFFFFFFF, np.int64)
    _array(folder, "backward_sources", numbers[backward] >> 32, np.int64)
    by_arity: dict[int, list[int]] = {}
    for value, function in enumerate(solution.functions):
        if function is not None and solution.addresses[value]:
            by_arity.setdefault(len(function.params), []).append(value)
    numbered = {key: number for number, key in enumerate(solution.calls_at)}
    _listing(folder, "calls_of", ((value, numbered[key]) for value in range(len(solution.values)) for key in solution.calls_of(value)))
    _listing(folder, "fields_of", ((value, node) for value in range(len(solution.values)) for node in solution.fields_of(value)))
    signed: dict[str, list[int]] = {}
    for value in sorted(value for values in by_arity.values() for value in values):
        signed.setdefault(str(solution.signature(value)), []).append(value)
    _write_lines(folder, "signatures", (f"{json.dumps(text)}\t{json.dumps(values)}" for text, values in signed.items()), keyed=True)
    _listing(folder, "by_arity", ((count, value) for count in sorted(by_arity) for value in by_arity[count]))
    solution.defining_files.save(folder)
    rest = {"files": edges.files, "full": sorted(solution.full)}
    (folder / "rest.json").write_bytes(json.dumps(rest, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def load_solution(index: Index, folder: Path) -> Solution:
    """Raises FileNotFoundError where nothing was saved."""
    rest = json.loads((folder / "rest.json").read_bytes().decode("utf-8", "surrogatepass"))
    solution = Solution(index, lists=())
    calls = _SavedCalls(folder)
    nodes, values = _Named(folder, "nodes"), _Named(folder, "values")
    solution.restore(
        node_ids=_Numbers(nodes), nodes=nodes, value_ids=_Numbers(values), values=values, held=_Held(folder),
        addresses=_Addresses(folder), calls_at=calls, edges=_SavedEdges(folder, rest["files"]), full=set(rest["full"]),
        by_arity=_ByArity(folder, "by_arity"), defining_files=DefiningFiles.load(folder), calls_of=_CallsOf(folder, calls),
        fields_of=_Listing(folder, "fields_of"), by_signature=_Signatures(folder))
    return solution


def _text(key: Sequence[Any]) -> str:
    return json.dumps(key, ensure_ascii=False, separators=(",", ":"))


def _array(folder: Path, name: str, numbers: Any, kind: type[np.generic]) -> None:
    np.asarray(numbers, kind).tofile(folder / name)


def _listing(folder: Path, name: str, pairs: Iterable[tuple[int, int]]) -> None:
    """Pairs by the first, and within it as they come."""
    flat = np.fromiter((number for pair in pairs for number in pair), np.int32)
    _array(folder, f"{name}.from", flat[0::2], np.int32)
    _array(folder, f"{name}.to", flat[1::2], np.int32)


def _write_lines(folder: Path, name: str, lines: Iterable[str], *, keyed: bool) -> None:
    """Lines, where each begins, and, keyed, the numbers of the lines by the key of the text before a tab."""
    starts = [0]
    keys: list[int] = []
    with (folder / f"{name}.lines").open("wb") as out:
        for line in lines:
            data = line.encode("utf-8", "surrogatepass") + b"\n"
            out.write(data)
            starts.append(starts[-1] + len(data))
            if keyed:
                keys.append(name_key(line.split("\t")[0]))
    _array(folder, f"{name}.starts", starts, np.int64)
    if keyed:
        Postings.of([(0, np.array(keys, np.uint64), np.arange(len(keys), dtype=np.uint32))], placed=True).save(folder, name)


class _Lines:
    """Lines by number, and numbers by key."""

    def __init__(self, folder: Path, name: str) -> None:
        self._starts = memoryview(load_array(folder / f"{name}.starts", np.int64).data)
        self._data: bytes | mmap.mmap = b""
        with (folder / f"{name}.lines").open("rb") as file:
            if self._starts[-1]:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._found = Postings.load(folder, name) if (folder / f"{name}.keys").exists() else None

    def __len__(self) -> int:
        return len(self._starts) - 1

    def text(self, number: int) -> str:
        if not 0 <= number < len(self):
            raise IndexError(number)
        return self._data[self._starts[number]:self._starts[number + 1] - 1].decode("utf-8", "surrogatepass")

    def number_of(self, text: str) -> int | None:
        """Of the line that is the text, or begins with it and a tab."""
        assert self._found is not None
        for _, number in self._found.places(name_key(text)):
            if self.text(number).split("\t")[0] == text:
                return number
        return None


class _Named(Sequence[Any]):
    """Nodes or values by number."""

    def __init__(self, folder: Path, name: str) -> None:
        self.lines = _Lines(folder, name)
        self._recent = Recent[int, Any](_KEPT)

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, number):  # type: ignore[no-untyped-def,override]
        known = self._recent.get(number)
        return known if known is not None else self._recent.put(number, from_parts(json.loads(self.lines.text(number))))


class _Numbers(Mapping[Any, int]):
    """Node or value -> its number."""

    def __init__(self, named: _Named) -> None:
        self.named = named

    def __getitem__(self, one: Node | Value) -> int:
        found = self.named.lines.number_of(_text(one))
        if found is None:
            raise KeyError(one)
        return found

    def __iter__(self) -> Iterator[Node | Value]:
        return iter(self.named)

    def __len__(self) -> int:
        return len(self.named)


class _Held(Mapping[int, dict[int, int]]):
    """Node -> value -> the node it came from; {} for a node that holds nothing."""

    def __init__(self, folder: Path) -> None:
        self.nodes = load_array(folder / "held_nodes", np.int64)
        self.starts = load_array(folder / "held_starts", np.int64)
        self.values_ = load_array(folder / "held_values", np.int32)
        self.origins = load_array(folder / "held_origins", np.int32)
        self._recent = Recent[int, dict[int, int]](2_000)

    def __getitem__(self, node: int) -> dict[int, int]:
        known = self._recent.get(node)
        if known is not None:
            return known
        at = int(np.searchsorted(self.nodes, node))
        if at == len(self.nodes) or self.nodes[at] != node:
            return self._recent.put(node, {})
        part = slice(int(self.starts[at]), int(self.starts[at + 1]))
        return self._recent.put(node, dict(zip(self.values_[part].tolist(), self.origins[part].tolist(), strict=True)))

    def __contains__(self, node: object) -> bool:
        return isinstance(node, int) and bool(self[node])

    def __iter__(self) -> Iterator[int]:
        return iter(self.nodes.tolist())

    def __len__(self) -> int:
        return len(self.nodes)


class _Addresses(Sequence[list[AddressTaken]]):
    """Of each value, where its address is taken."""

    def __init__(self, folder: Path) -> None:
        self.lines = _Lines(folder, "addresses")
        self._recent = Recent[int, list[AddressTaken]](_KEPT)

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, value):  # type: ignore[no-untyped-def,override]
        known = self._recent.get(value)
        if known is None:
            rows = json.loads(self.lines.text(value))
            known = self._recent.put(value, [
                AddressTaken(file, line, column, kind, node, from_parts(owner) if owner is not None else None)
                for file, line, column, kind, node, owner in rows])
        return known


class _SavedCalls(Mapping[CallKey, list[int]]):
    def __init__(self, folder: Path) -> None:
        self.lines = _Lines(folder, "calls")

    def __getitem__(self, key: CallKey) -> list[int]:
        number = self.lines.number_of(_text(key))
        if number is None:
            raise KeyError(key)
        found: list[int] = json.loads(self.lines.text(number).split("\t")[1])
        return found

    def __iter__(self) -> Iterator[CallKey]:
        return (self.key(number) for number in range(len(self.lines)))

    def key(self, number: int) -> CallKey:
        file, line, column, callee, function = json.loads(self.lines.text(number).split("\t")[0])
        return file, line, column, callee, function

    def __len__(self) -> int:
        return len(self.lines)


class _Signatures(Mapping[str, list[int]]):
    def __init__(self, folder: Path) -> None:
        self.lines = _Lines(folder, "signatures")

    def __getitem__(self, signature: str) -> list[int]:
        number = self.lines.number_of(json.dumps(signature))
        if number is None:
            raise KeyError(signature)
        found: list[int] = json.loads(self.lines.text(number).split("\t")[1])
        return found

    def __iter__(self) -> Iterator[str]:
        return (json.loads(self.lines.text(number).split("\t")[0]) for number in range(len(self.lines)))

    def __len__(self) -> int:
        return len(self.lines)


class _Listing(Mapping[int, list[int]]):
    def __init__(self, folder: Path, name: str) -> None:
        self.known, self.listed = load_array(folder / f"{name}.from", np.int32), load_array(folder / f"{name}.to", np.int32)

    def part(self, value: int) -> Any:
        first, end = np.searchsorted(self.known, value), np.searchsorted(self.known, value, side="right")
        return self.listed[first:end]

    def __getitem__(self, value: int) -> list[int]:
        return self.part(value).tolist()  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[int]:
        return iter(np.unique(self.known).tolist())

    def __len__(self) -> int:
        return len(np.unique(self.known))


class _ByArity(Mapping[int, Sequence[int]]):
    """As mapped: a count has tens of thousands."""

    def __init__(self, folder: Path, name: str) -> None:
        self.listing = _Listing(folder, name)

    def __getitem__(self, count: int) -> Sequence[int]:
        return self.listing.part(count)  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[int]:
        return iter(self.listing)

    def __len__(self) -> int:
        return len(self.listing)


class _CallsOf(Mapping[int, list[CallKey]]):
    def __init__(self, folder: Path, calls: _SavedCalls) -> None:
        self.numbers, self.calls = _Listing(folder, "calls_of"), calls

    def __getitem__(self, value: int) -> list[CallKey]:
        return [self.calls.key(number) for number in self.numbers[value]]

    def __iter__(self) -> Iterator[int]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)


class _SavedEdges(Edges):
    def __init__(self, folder: Path, files: list[str]) -> None:
        super().__init__()
        self.files = files
        self.edges, self.places = load_array(folder / "edges", np.int64), load_array(folder / "edge_places", np.int64)
        self._backward = load_array(folder / "backward_targets", np.int64), load_array(folder / "backward_sources", np.int64)
        self._starts = None  # type: ignore[assignment]

    def successors(self, node: int) -> list[int]:
        first, end = np.searchsorted(self.edges, [node << 32, (node + 1) << 32])
        return (self.edges[first:end] & 0xFFFFFFFF).tolist()  # type: ignore[no-any-return]
