"""How good are the function_pointer proposals, against the indirect calls that a running program was seen to make?

Method. The program is compiled with `-O0 -g -fno-inline -finstrument-functions` and run under recorder.c, which notes (callee, return
address) pairs. A pair is an indirect call when the instruction before the return address is `call *...` (objdump); its place is the
line that the debug information gives, its callee the function's symbol. Callees outside the program (libc) are not seen.

>>> python benchmarks/observed_calls.py record --log log --source src --out observed.jsonl
>>> python benchmarks/observed_calls.py compare --source src --observed observed.jsonl
>>> python benchmarks/observed_calls.py table --cache facts lua=lua-5.4.4:lua.jsonl sed=sed-4.9:sed.jsonl
"""
from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def pairs_of(log: Path) -> dict[str, set[tuple[int, int]]]:
    """Binary -> {(callee, return address)} as offsets into the binary's file-backed image (link-time addresses for PIE)."""
    found: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for calls in sorted(log.glob("*.calls")):
        spans: list[tuple[int, int, int, str]] = []
        bases: dict[str, int] = {}
        for line in calls.read_text().splitlines():
            if line.startswith("m "):
                parts = line.split(maxsplit=6)
                if len(parts) == 7 and parts[6].startswith("/"):
                    low, high = (int(x, 16) for x in parts[1].split("-"))
                    bases.setdefault(parts[6], 0 if _at_fixed_address(parts[6]) else low - int(parts[3], 16))
                    spans.append((low, high, bases[parts[6]], parts[6]))
            elif line.startswith("c "):
                callee, site = (int(x, 16) for x in line.split()[1:])
                for low, high, base, name in spans:
                    if low <= site < high:
                        found[name].add((callee - base, site - base))
                        break
    return found


def _at_fixed_address(binary: str) -> bool:
    """True for an ELF executable that is not position independent (e_type ET_EXEC = 2, at offset 16)."""
    path = Path(binary)
    if not path.is_file():
        return False
    with path.open("rb") as f:
        head = f.read(18)
    return head[:4] == b"\x7fELF" and head[16] == 2


def indirect_returns(binary: str) -> set[int]:
    """Return addresses of the indirect calls in a binary."""
    out = subprocess.run(["objdump", "-d", "--no-show-raw-insn", binary], capture_output=True, text=True, check=True).stdout
    after: set[int] = set()
    was_indirect = False
    for line in out.splitlines():
        if not (at := re.match(r"\s+([0-9a-f]+):\s+(.*)", line)):
            continue
        if was_indirect:
            after.add(int(at[1], 16))
        was_indirect = bool(re.match(r"(?:notrack\s+)?(?:bnd\s+)?call\s+\*", at[2]))
    return after


def places(binary: str, addresses: list[int]) -> list[tuple[str, str, int]]:
    """(function, file, line) of each address. llvm-symbolizer where there is one: binutils 2.40 names the wrong file for functions that a
    header defines (DWARF 5)."""
    if not addresses:
        return []
    asked = "\n".join(hex(max(a, 0)) for a in addresses) + "\n"  # below 0: another binary's function, unknown here
    tool = [shutil.which("llvm-symbolizer") or "addr2line"]
    if tool[0] != "addr2line":
        tool += ["--output-style=GNU", "--no-demangle", "--no-inlines"]
    out = subprocess.run([*tool, "-f", "-e", binary], input=asked, capture_output=True, text=True, check=True).stdout.splitlines()
    found = []
    for name, where in zip(out[::2], out[1::2], strict=True):
        file, _, line = where.rpartition(":")
        found.append((name, file, int(re.match(r"\d*", line)[0] or 0)))  # type: ignore[index]
    return found


def record(log: Path, source: Path, out: Path) -> int:
    source = source.resolve()
    pairs: set[tuple[str, int, str]] = set()
    for binary, seen in pairs_of(log).items():
        if not Path(binary).is_file():
            continue
        returns = indirect_returns(binary)
        chosen = sorted(pair for pair in seen if pair[1] in returns)
        if not chosen:
            continue
        sites = places(binary, [site - 1 for _, site in chosen])
        callees = places(binary, [callee for callee, _ in chosen])
        for (_, file, line), (name, _, _) in zip(sites, callees, strict=True):
            path = Path(file).resolve()
            if path.is_relative_to(source) and line and name != "??":
                pairs.add((path.relative_to(source).as_posix(), line, name))
    with out.open("w", encoding="utf-8") as f:
        for file, line, name in sorted(pairs):
            f.write(json.dumps({"file": file, "line": line, "callee": name}) + "\n")
    return len(pairs)


def compare(source: Path, observed: Path, cache: Path | None = None, index_dir: Path | None = None) -> dict[str, object]:
    """Figures of one program. A site is a line; proposals of several calls on one line are joined, best score first. index_dir: an index
    folder of the source, for a kernel."""
    from curation.sourcing.indexing import index_folder
    from curation.sourcing.propose import propose_index

    wanted: dict[tuple[str, int], set[str]] = defaultdict(set)
    for row in map(json.loads, observed.read_text(encoding="utf-8").splitlines()):
        wanted[row["file"], row["line"]].add(row["callee"])
    given: dict[tuple[str, int], list[list[str]]] = defaultdict(list)
    kinds: dict[tuple[str, int], str] = {}
    index = index_folder(source, cache_dir=cache, index_dir=index_dir).program
    began = time.process_time()
    _ = index.flow
    solved = time.process_time()
    files = sorted({file for file, _ in wanted} & set(index.files()))
    for proposal in propose_index(index, ["function_pointer"], files):
        place = (proposal.file, proposal.line)
        given[place].append([c.name for c in proposal.candidates])
        kinds[place] = "macro" if proposal.extra.get("macro") else kind_of(proposal.expression)
    rows = []
    for place, callees in sorted(wanted.items()):
        lists = given.get(place, [])
        names = {name for names in lists for name in names}
        first = any(names and names[0] in callees for names in lists)
        count = max(map(len, lists), default=0)
        rows.append((place, kinds.get(place, "not seen"), len(callees & names), len(callees), first, count, callees - names))
    figures: dict[str, object] = {"sites": len(rows), "pairs": sum(r[3] for r in rows), "misses": []}
    if not rows:
        return figures
    figures["recall_site"] = round(statistics.mean(r[2] / r[3] for r in rows), 4)
    figures["recall_pair"] = round(sum(r[2] for r in rows) / sum(r[3] for r in rows), 4)
    figures["first_right"] = round(statistics.mean(r[4] for r in rows), 4)
    figures["mean_candidates"] = round(statistics.mean(r[5] for r in rows), 1)
    figures["median_candidates"] = statistics.median(r[5] for r in rows)
    by_kind: dict[str, list[tuple[float, bool, int]]] = defaultdict(list)
    for r in rows:
        by_kind[r[1]].append((r[2] / r[3], r[4], r[5]))
    figures["by_kind"] = {
        kind: [len(v), *(round(statistics.mean(one[i] for one in v), 3) for i in range(3))] for kind, v in sorted(by_kind.items())}
    figures["misses"] = [f"{r[0][0]}:{r[0][1]} {r[1]} {sorted(r[6])[:4]}" for r in rows if r[6]]
    figures["long"] = [f"{r[0][0]}:{r[0][1]} {r[1]} {r[5]} candidates, {r[3]} seen" for r in sorted(rows, key=lambda r: -r[5]) if r[5] > 10]
    figures["not_first"] = [f"{r[0][0]}:{r[0][1]} {r[1]}" for r in rows if not r[4]]
    figures["solve_s"] = round(solved - began, 2)
    figures["resolve_s"] = round(time.process_time() - solved, 2)
    return figures


_COLUMNS = ("sites", "pairs", "recall_site", "recall_pair", "first_right", "mean_candidates", "median_candidates", "solve_s", "resolve_s")


def table(programs: list[str], cache: Path | None) -> None:
    """Prints a line for each NAME=SOURCE:OBSERVED, their means, and the means over programs for each kind of operand."""
    print(f"{'program':12}" + "".join(f"{c[:12]:>13}" for c in _COLUMNS))
    found: list[dict[str, object]] = []
    for program in programs:
        name, _, rest = program.partition("=")
        source, _, observed = rest.partition(":")
        figures = compare(Path(source), Path(observed), cache)
        if not figures["sites"]:
            continue
        found.append(figures)
        print(f"{name:12}" + "".join(f"{figures[c]:>13}" for c in _COLUMNS), flush=True)
    if not found:
        return
    means = [round(statistics.mean(f[c] for f in found), 4 if 1 < i < 5 else 1) for i, c in enumerate(_COLUMNS)]  # type: ignore[misc]
    print(f"{'mean':12}" + "".join(f"{m:>13}" for m in means))
    kinds = sorted({kind for f in found for kind in f["by_kind"]})  # type: ignore[attr-defined]
    print("\nkind of operand: programs, sites; recall per site, first right, mean candidates (means over programs)")
    for kind in kinds:
        of = [f["by_kind"][kind] for f in found if kind in f["by_kind"]]  # type: ignore[index,operator]
        print(f"  {kind:10} {len(of):4} {sum(o[0] for o in of):6}   " + " ".join(
            f"{statistics.mean(o[i] for o in of):8.3f}" for i in (1, 2, 3)))


def kind_of(expression: str) -> str:
    text = expression.strip().strip("()*& ")
    if text.endswith("]"):
        return "subscript"
    if "->" in text or "." in text:
        return "field"
    return "pointer"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("record")
    one.add_argument("--log", type=Path, required=True)
    two = verbs.add_parser("compare")
    for verb in (one, two):
        verb.add_argument("--source", type=Path, required=True)
    one.add_argument("--out", type=Path, required=True)
    two.add_argument("--observed", type=Path, required=True)
    two.add_argument("--misses", type=int, default=20)
    two.add_argument("--long", type=int, default=0, help="list the longest so many proposals")
    two.add_argument("--cache", type=Path, default=None, help="a folder for the facts of files")
    two.add_argument("--index", type=Path, default=None, help="an index folder of the source")
    three = verbs.add_parser("table")
    three.add_argument("--cache", type=Path, default=None)
    three.add_argument("programs", nargs="+", metavar="NAME=SOURCE:OBSERVED")
    args = parser.parse_args()
    if args.verb == "table":
        table(args.programs, args.cache)
        return
    if args.verb == "record":
        print(record(args.log, args.source, args.out), "pairs")
        return
    figures = compare(args.source, args.observed, args.cache, args.index)
    misses, longest, not_first = figures.pop("misses"), figures.pop("long"), figures.pop("not_first")
    print(json.dumps(figures))
    for line in longest[: args.long]:  # type: ignore[index]
        print("  long", line)
    for line in not_first[: args.long]:  # type: ignore[index]
        print("  not first", line)
    for miss in misses[: args.misses]:  # type: ignore[index]
        print("  missed", miss)


if __name__ == "__main__":
    main()
