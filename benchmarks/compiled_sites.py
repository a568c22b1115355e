"""Which lines on which a compiler made an indirect call does the engine not take for one, and for which does it find nothing by flow?

A program is only compiled (`-O0 -g -fno-inline`), not run, so every call is compared, not only those that a test suite reaches. A kernel
that was built for kernel_calls/ is taken too. Places are those of the innermost inlined function. What is in the source but not in the
binaries (another system's code, an `#if` that was off) is not judged. Needs objdump and llvm-symbolizer.

>>> python benchmarks/compiled_sites.py --source zsh-5.9 --built build/zsh-5.9 build/zsh-5.9/Src/zsh
>>> python benchmarks/compiled_sites.py --source corpus --index index --built work/src work/build/vmlinux --files 300
"""
from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from curation.sourcing.indexing import index_folder  # noqa: E402
from curation.sourcing.propose import propose_index  # noqa: E402

_CALL = re.compile(r"\s*([0-9a-f]+):\s+(?:notrack\s+)?(?:bnd\s+)?call\s+(?:\*(?!0x[0-9a-f]+\(%rip\))|\S+ <__x86_indirect_thunk)")
Site = tuple[str, int]  # (file relative to the source, 1-based line)


def addresses(binary: str) -> list[int]:
    """Of the calls through pointers. Those through the table of a shared library's own functions (`call *n(%rip)`) are left out."""
    with subprocess.Popen(["objdump", "-d", "--no-show-raw-insn", binary], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        return [int(found[1], 16) for line in process.stdout if "call" in line and (found := _CALL.match(line))]


def sites(binary: str, built: Path) -> set[Site]:
    """The places of a binary's indirect calls in files under the folder that it was built in."""
    asked = "".join(f"{address:#x}\n" for address in addresses(binary))
    symbolizer = ["llvm-symbolizer", "--output-style=JSON", "--inlines", "-e", binary]
    out = subprocess.run(symbolizer, input=asked, capture_output=True, text=True, check=True).stdout
    found: set[Site] = set()
    for line in out.splitlines():
        frames = json.loads(line).get("Symbol") or [{}]
        path = Path(frames[0].get("FileName") or "/").resolve()
        if path.is_relative_to(built) and frames[0].get("Line"):
            found.add((path.relative_to(built).as_posix(), frames[0]["Line"]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True, help="the sources, without what a build leaves")
    parser.add_argument("--built", type=Path, required=True, help="the copy of them that was compiled")
    parser.add_argument("--index", type=Path, help="an index folder of the source")
    parser.add_argument("--files", type=int, help="only so many of the compiled files, drawn at random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=20, help="how many of each kind are listed")
    parser.add_argument("binary", nargs="+")
    args = parser.parse_args()
    index = index_folder(args.source, index_dir=args.index).program
    known = set(index.files())
    compiled = {site for binary in args.binary for site in sites(binary, args.built.resolve()) if site[0] in known}
    files = sorted({file for file, _ in compiled})
    draw = random.Random(args.seed)
    if args.files:
        files = sorted(draw.sample(files, min(args.files, len(files))))
    compiled = {site for site in compiled if site[0] in set(files)}
    ours = {(file, call.line) for file in files for call in index.calls(file) if call.kind == "indirect"}
    missed = sorted(compiled - ours)
    proposals = [p for p in propose_index(index, ["function_pointer"], files) if (p.file, p.line) in compiled]
    steps = Counter(p.extra["step"] for p in proposals)
    print(f"{args.source.name}: {len(files)} files, {len(compiled)} lines with compiled indirect calls, {len(missed)} not seen; "
          f"candidates by {dict(steps.most_common())}")
    for file, line in draw.sample(missed, min(args.show, len(missed))):
        print(f"  not seen  {file}:{line}  {index.line_text(file, line).strip()[:110]}")
    empty = [p for p in proposals if p.extra["step"] != "flow"]
    for p in draw.sample(empty, min(args.show, len(empty))):
        print(f"  {p.extra['step']}  {p.file}:{p.line}  {p.expression[:50]}  {index.line_text(p.file, p.line).strip()[:110]}")


if __name__ == "__main__":
    main()
