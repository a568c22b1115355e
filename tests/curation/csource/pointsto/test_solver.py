"""What the solver lets where, and what it does not lose on the way."""
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.csource import Index, build_index
from curation.csource.pointsto import solver as solving
from curation.csource.pointsto.access_paths import AccessPaths
from curation.csource.pointsto.constraints import constraints_of
from curation.csource.pointsto.pointer_facts import pointer_facts
from curation.csource.pointsto.solution import Solution
from curation.csource.pointsto.solver import MOST_OBJECTS


def _names(index: Index, callee: str) -> list[str]:
    call = next(c for c in index.calls() if c.kind == "indirect" and c.callee == callee)
    return sorted(c.name for c in index.resolve(call))


def _chain(length: int, functions: int) -> str:
    """`functions` callbacks through `length` wrappers into one field."""
    text = "struct s { int (*go)(int); };\n" + "".join(f"static int f{i}(int a) {{ return a; }}\n" for i in range(functions))
    text += "static void w0(struct s *p, int (*fn)(int)) { p->go = fn; }\n"
    text += "".join(f"static void w{i}(struct s *p, int (*fn)(int)) {{ w{i - 1}(p, fn); }}\n" for i in range(1, length + 1))
    text += "".join(f"void m{i}(struct s *p) {{ w{length}(p, f{i}); }}\n" for i in range(functions))
    return text + "int run(struct s *p) { return p->go(1); }\n"


@settings(max_examples=15)
@given(st.integers(0, 8), st.integers(1, 5))
def test_wrappers_of_any_depth_lose_no_function(length: int, functions: int) -> None:
    assert _names(build_index([("a.c", _chain(length, functions))], jobs=0), "p->go") == [f"f{i}" for i in range(functions)]


@settings(max_examples=10)
@given(st.permutations(["a.c", "b.c", "c.c"]))
def test_the_order_of_the_files_does_not_matter(order: list[str]) -> None:
    texts = {
        "a.c": "typedef int (*fn)(int);\nextern fn kept;\nvoid keep(fn f) { kept = f; }\n",
        "b.c": "typedef int (*fn)(int);\nvoid keep(fn f);\nstatic int one(int a) { return a; }\nvoid m(void) { keep(one); }\n",
        "c.c": "typedef int (*fn)(int);\nfn kept;\nint run(void) { return kept(1); }\n",
    }
    assert _names(build_index([(file, texts[file]) for file in order], jobs=0), "kept") == ["one"]


def test_the_constraints_of_a_file_can_be_made_apart() -> None:
    index = build_index([("a.c", _chain(2, 2))], jobs=0)
    made = [constraints_of(AccessPaths(index), pointer_facts(one)) for one in index.facts.values()]
    flow = Solution(index, made)
    call = next(c for c in index.calls() if c.kind == "indirect")
    assert sorted(flow.name(v) for v in flow.reaching(call)) == ["f0", "f1"]


def test_a_node_that_met_too_many_objects_says_nothing_of_them() -> None:
    count = MOST_OBJECTS + 1
    text = "struct s { int (*go)(int); };\nstatic int f(int a) { return a; }\nint run(struct s *p) { return p->go(1); }\n"
    text += "".join(f"static struct s o{i} = {{ f }};\nvoid m{i}(void) {{ run(&o{i}); }}\n" for i in range(count))
    index = build_index([("a.c", text)], jobs=0)
    call = next(c for c in index.calls() if c.kind == "indirect")
    assert index.flow.objects(call) == set()
    assert _names(index, "p->go") == ["f"]


def test_in_a_corpus_of_many_values_an_untyped_place_holds_few(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "void *any;\nint (*fn)(int);\n" + "".join(f"static int f{i}(int a) {{ return a; }}\n" for i in range(6))
    text += "void m(void) { " + "".join(f"any = f{i}; " for i in range(6)) + "fn = f0; fn = any; }\nint run(void) { return fn(1); }\n"
    assert len(_names(build_index([("a.c", text)], jobs=0), "fn")) == 6
    monkeypatch.setattr(solving, "MANY_VALUES", 5)
    monkeypatch.setattr(solving, "MOST_UNTYPED_OF_MANY", 3)
    assert len(_names(build_index([("a.c", text)], jobs=0), "fn")) == 3
