"""Does reading ever fall over? Mutated C files go through the reading processes with their limits of time and memory; outcomes are counted.

>>> python benchmarks/mutated_files.py --count 2000                      # seeds written for it
>>> python benchmarks/mutated_files.py --count 100000 --seeds linux/drivers/net --jobs 2

The same count, seed and seed files give the same mutants. A mutant is bytes: it is decoded first, as an imported file is. Outcomes: read
(facts came back and decode), undecodable, and the codes of problems (too_deep, nul_bytes, long_line, too_slow, crashed). An exception in
this process, or an answer that is no facts, ends the run with the mutant's number.
"""
from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from curation.csource.facts.encoding import decode_facts
from curation.csource.facts.model import FactsProblem
from curation.csource.processes.pool import Readers
from curation.csource.sources.decode import Undecodable, decode

SEEDS = [
    b"""#include <linux/module.h>
struct ops { int (*open)(struct dev *d); void (*close)(struct dev *); };
static int my_open(struct dev *d) { return d->ops->open(d); }
static const struct ops my_ops = { .open = my_open, .close = NULL, };
#define HOOK(x, f) do { (x)->cb = f; } while (0)
static int __init start(void)
{
\tstruct dev *d = container_of(&my_ops, struct dev, ops);
\tINIT_WORK(&d->work, my_work);
\tif (!d || (d->flags & FLAG) == 0)
\t\treturn -EINVAL;
\tfor (int i = 0; i < ARRAY_SIZE(table); i++)
\t\ttable[i].fn(d, i ? my_open : other);
\treturn request_irq(d->irq, handler, IRQF_SHARED, "dev", d);
}
module_init(start);
""",
    b"""%{
#include <stdio.h>
%}
%token A B
%%
rule: A { $$ = make($1, $2); } | B { @$.line = 1; call(&$<node>1); };
%%
int main(argc, argv) int argc; char **argv; { return yyparse(); }
""",
    b"""typedef int (*handler_t)(void *, int);
static handler_t table[] = { [0] = first, [1 ... 3] = second, third, };
#ifdef A
int f(int a) {
#else
int f(long a) {
#endif
\tswitch (a) { case 1: return (*table[a])(NULL, 1); default: break; }
\tx = ({ int y = g(); y; }); /* comment */ // another
\treturn ((struct s *)p)->cb((handler_t)&q, "text \\" with", 'c');
}
int old PARAMS((int a, char *b));
union u { struct { int a : 3; void (*cb)(int); } in; long x[4]; } uu = { .in = { .cb = f } };
""",
    "// 打开设备\nint 打(void) { return g(\"设备\"); }\n".encode(),
]
_BRACKETS = [b"(", b")", b"{", b"}", b"[", b"]", b"({", b"})", b"((", b"#if\n", b"#endif\n", b"#else\n"]
_DIRECTIVES = [b"#if", b"#endif", b"#else", b"#define", b"#undef", b"#elif", b"#ifdef __cplusplus", b"#", b"\\\n", b"##"]
_PIECES = [b'"', b"'", b"/*", b"*/", b"//", b";", b",", b"=", b"->", b".", b"typedef ", b"struct ", b"static ", b"__attribute__((",
           b"sizeof("]
Mutation = Callable[[bytes, random.Random, list[bytes]], bytes]


def _span(data: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + int(rng.expovariate(1 / 40)))


def flipped(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    """Some bytes are others."""
    out = bytearray(data)
    for _ in range(rng.randrange(1, 12)):
        if out:
            out[rng.randrange(len(out))] = rng.randrange(1, 256)
    return bytes(out)


def cut(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    """A piece is missing."""
    start, end = _span(data, rng)
    return data[:start] + data[end:]


def doubled(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    """A piece stands there several times."""
    start, end = _span(data, rng)
    return data[:end] + data[start:end] * rng.choice([1, 2, 50]) + data[end:]


def spliced(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    """The beginning of one file, the end of another."""
    other = rng.choice(seeds)
    return data[:rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1):]


def stormed(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    """Brackets everywhere."""
    for _ in range(rng.randrange(1, 40)):
        at = rng.randrange(len(data) + 1)
        data = data[:at] + rng.choice(_BRACKETS) + data[at:]
    return data


def truncated(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    """The end is missing."""
    return data[:rng.randrange(len(data) + 1)]


def with_nul(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    """NUL bytes."""
    at = rng.randrange(len(data) + 1)
    return data[:at] + b"\0" * rng.randrange(1, 5) + data[at:]


def recoded(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    """In another encoding, or in half of one."""
    text = data.decode("utf-8", "replace")
    made = text.encode(rng.choice(["utf-16", "utf-16-le", "utf-32", "gb18030", "latin-1"]), "replace")
    return made[: rng.choice([len(made), len(made) - 1, rng.randrange(len(made) + 1)])]


def lengthened(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    """A very long line."""
    start, end = _span(data, rng)
    line = (data[start:end] or b"x").replace(b"\n", b" ") * 2000
    return data[:start] + line[:rng.choice([5_000, 60_000])] + data[end:]


def deepened(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    """Brackets within brackets."""
    depth = rng.choice([100, 1_000, 1_600, 20_000])
    opened, closed = rng.choice([(b"(", b")"), (b"{", b"}"), (b"f(", b")"), (b"if (x) {", b"}"), (b"a[", b"]"),
                                 (b"#if A\n", b"\n#endif\n")])
    at = rng.randrange(len(data) + 1)
    return data[:at] + opened * depth + b"1" + closed * rng.choice([depth, depth, 0]) + data[at:]


def misdirected(data: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    """Directives, quotes and comments where none belong."""
    for _ in range(rng.randrange(1, 8)):
        at = rng.randrange(len(data) + 1)
        data = data[:at] + b"\n" * rng.randrange(2) + rng.choice(_DIRECTIVES + _PIECES) + data[at:]
    return data


MUTATIONS: list[Mutation] = [
    flipped, cut, doubled, spliced, stormed, truncated, with_nul, recoded, lengthened, deepened, misdirected,
]


def mutants(count: int, seed: int = 1, seeds: list[bytes] | None = None) -> Iterator[bytes]:
    """`count` mutated files, each from one of the seeds by one to three mutations."""
    rng = random.Random(seed)
    given = seeds or SEEDS
    for _ in range(count):
        data = rng.choice(given)
        for mutation in rng.choices(MUTATIONS, [9, 9, 6, 6, 6, 5, 2, 3, 1, 2, 9], k=rng.choice([1, 1, 2, 3])):
            data = mutation(data, rng, given)[:400_000]
        yield data


def outcomes(files: Iterator[bytes], jobs: int = 2) -> Counter[str]:
    """How often reading ended in which way. Raises what no file may raise here."""
    counted: Counter[str] = Counter()

    def requests() -> Iterator[tuple[str, list[str]]]:
        for number, data in enumerate(files):
            name = f"{number}.{'y' if number % 7 == 0 else 'c'}"
            try:
                text = decode(data).text
            except Undecodable:
                counted["undecodable"] += 1
            else:
                yield name, ["text", name, text]

    with Readers(jobs, time_limit_s=5.0, memory_bytes=1 << 30) as readers:
        for name, answer in readers.answers(requests()):
            if isinstance(answer, FactsProblem):
                counted[answer.code] += 1
                if answer.code in ("too_slow", "crashed"):
                    print(f"mutant {name}: {answer.code}", file=sys.stderr)
                continue
            facts = decode_facts(bytes(answer[1]), name)
            codes = {problem.code for problem in facts.problems} - {"damaged"}
            counted[min(codes) if codes else "read"] += 1
    return counted


def main() -> None:
    parser = argparse.ArgumentParser(description="count how reading ends for mutated C files")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=Path, help="a folder of C files of at most 20,000 bytes; without it seeds written for this")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    seeds = None
    if given.seeds is not None:
        files = sorted(path for path in given.seeds.rglob("*.[ch]") if path.stat().st_size <= 20_000)
        seeds = [path.read_bytes() for path in files[:4000]]
    start = time.monotonic()
    counted = outcomes(mutants(given.count, given.seed, seeds), given.jobs)
    used = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{sum(counted.values())} files: {dict(counted.most_common())}")
    print(f"{sum(u.ru_utime + u.ru_stime for u in used):.0f} s of processor time, {time.monotonic() - start:.0f} s; "
          f"largest reading process {used[1].ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
