"""Of two headers that define one name, a file means the one it includes; and a graph that is spliced says what a new one says."""
from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from curation.csource import Program, build_index
from curation.csource.sources.include_graph import IncludeGraph
from curation.csource.sources.inclusions import COMPUTED, paths_of

FILES = ["a.c", "d/b.c", "d/x.h", "include/x.h", "include/y.h", "z.h"]
GRAPHS = st.fixed_dictionaries({
    file: st.lists(st.sampled_from(["x.h", "y.h", "z.h", "../z.h", "d/x.h", "b.c", COMPUTED]), unique=True, max_size=4) for file in FILES
}).map(lambda graph: {file: graph[file] for file in FILES})


def callees(index: Program, file: str) -> list[str]:
    return [c.callee for c in index.calls(file) if c.kind == "indirect"]


def test_paths_are_read_as_they_are_written() -> None:
    assert paths_of('#include "a/b.h"\n # include <c.h>\n#include NAME_H\n#include <c.h>\nint include;\n') == ["a/b.h", "c.h", COMPUTED]


def test_a_path_means_the_file_beside_else_all_that_end_like_it_else_those_of_that_name() -> None:
    graph = IncludeGraph.of({
        "arch/arm/include/asm/io.h": [], "arch/x86/include/asm/io.h": [], "drivers/a.c": ["asm/io.h", "a.h", "installed/b.h"],
        "drivers/a.h": [], "net/a.h": [], "net/b.h": []})
    assert graph.includes(2) == [0, 1, 3, 5]


def test_of_a_hundred_files_of_one_name_those_in_the_same_folders_are_seen() -> None:
    boards = {f"boards/b{n:02}/x{n % 10}/config.h": [] for n in range(100)}
    graph = IncludeGraph.of({**boards, "boards/b77/src/main.c": ["config.h"]})
    seen = {graph.files[n] for n in graph.includes(100)}
    assert len(seen) == 64 and "boards/b77/x7/config.h" in seen


def test_of_headers_as_near_the_one_of_the_same_folders_is_meant() -> None:
    headers = [(f"arch/{cpu}/include/asm/io.h", f"#define WRITE(o) (o)->{cpu}(o)\n") for cpu in ("alpha", "arm", "x86")]
    text = "#include <asm/io.h>\nvoid f(struct ops *o) { WRITE(o); }\n"
    index = build_index([*headers, ("arch/arm/kernel/irq.c", text)], jobs=0)
    assert callees(index, "arch/arm/kernel/irq.c") == ["(o)->arm"]


def test_a_name_means_what_the_nearest_included_header_says() -> None:
    index = build_index([
        ("one/one.h", "#define RUN(o) (o)->one(o)\n"), ("two/two.h", "#define RUN(o) (o)->two(o)\n"),
        ("three/three.h", '#include "two.h"\n'),
        ("src/a.c", '#include "three.h"\nvoid f(struct ops *o) { RUN(o); }\n'),
        ("src/b.c", '#include "one.h"\nvoid g(struct ops *o) { RUN(o); }\n'),
    ], jobs=0)
    assert callees(index, "src/a.c") == ["(o)->two"] and callees(index, "src/b.c") == ["(o)->one"]


def test_of_the_nearest_header_and_the_next_one_either_may_be_meant() -> None:
    index = build_index([
        ("init.h", "typedef int (*call_t)(void);\n#define LATE_CALL(fn) static call_t late_##fn = fn;\nextern call_t start[];\n"),
        ("module.h", '#include "init.h"\n#ifdef MODULE\n#define LATE_CALL(fn) module_init(fn)\n#endif\n'),
        ("a.c", '#include "module.h"\nstatic int go(void) { return 0; }\nLATE_CALL(go);\nint f(void) { return late_go(); }\n')], jobs=0)
    (call,) = [c for c in index.calls("a.c") if c.kind == "indirect"]
    assert [c.name for c in index.resolve(call)] == ["go"]


def test_a_word_that_a_header_defines_which_is_not_included_stays_a_word() -> None:
    index = build_index([
        ("board/uncompress.h", "#define params (params())\n"), ("src/own.h", "#define RUN(p) (p)->go()\n"),
        ("src/a.c", '#include "own.h"\nvoid f(struct police *police) { RUN(police->params); }\n')], jobs=0)
    assert callees(index, "src/a.c") == ["(police->params)->go"]


def test_what_a_compilers_option_may_include_is_seen_by_all() -> None:
    index = build_index([
        ("config/all.h", "#define CALL_IT(o) (o)->go(o)\n#define call_it(o) (o)->went(o)\n"), ("src/own.h", "struct ops;\n"),
        ("src/a.c", '#include "own.h"\nvoid f(struct ops *o) { CALL_IT(o); call_it(o); }\n')], jobs=0)
    assert callees(index, "src/a.c") == ["(o)->go"]


def test_a_file_that_includes_nothing_known_means_any_header() -> None:
    index = build_index([
        ("own.h", "#define call_it(o) (o)->go(o)\n"), ("a.c", "#include <stdio.h>\nvoid f(struct ops *o) { call_it(o); }\n"),
        ("b.c", "#include OWN_H\n#include \"a.h\"\nvoid f(struct ops *o) { call_it(o); }\n"), ("a.h", "struct ops;\n")], jobs=0)
    assert callees(index, "a.c") == ["(o)->go"] == callees(index, "b.c")


def test_the_macros_of_an_included_source_are_those_of_its_includers() -> None:
    index = build_index([
        ("tool/inner.c", "#define call_it(o) (o)->go(o)\n"),
        ("tool/outer.c", '#include "inner.c"\nvoid f(struct ops *o) { call_it(o); }\n'),
        ("src/a.c", "void f(struct ops *o) { call_it(o); }\n"),
    ], jobs=0)
    assert callees(index, "tool/outer.c") == ["(o)->go"] and callees(index, "src/a.c") == []


@settings(max_examples=200)
@given(GRAPHS, GRAPHS)
def test_a_spliced_graph_is_that_made_anew_and_tells_whose_sight_changed(before: dict[str, list[str]], now: dict[str, list[str]]) -> None:
    old, new = IncludeGraph.of(before), IncludeGraph.of(now)
    spliced = old.replaced({number: now[file] for number, file in enumerate(FILES) if before[file] != now[file]})
    assert [spliced.includes(n) for n in range(len(FILES))] == [new.includes(n) for n in range(len(FILES))]
    assert [spliced.levels(f) for f in FILES] == [new.levels(f) for f in FILES]
    assert [spliced.strict(f) for f in FILES] == [new.strict(f) for f in FILES]
    changed = spliced.changed_since(old)
    assert {n for n, f in enumerate(FILES) if new.levels(f) != old.levels(f) or new.strict(f) != old.strict(f)} <= changed


@settings(max_examples=100)
@given(GRAPHS, st.sets(st.sampled_from(FILES)))
def test_files_that_come_or_go_change_the_sight_of_those_who_see_them(wanted: dict[str, list[str]], gone: set[str]) -> None:
    whole, part = IncludeGraph.of(wanted), IncludeGraph.of({file: listed for file, listed in wanted.items() if file not in gone})

    def seen(graph: IncludeGraph, file: str) -> dict[str, int]:
        levels = graph.levels(file)
        return {} if levels is None else {f: level for f, level in zip(graph.files, levels, strict=True) if level}

    for before, now in ((whole, part), (part, whole)):
        changed = {now.files[n] for n in now.changed_since(before)}
        assert {f for f in part.files if seen(whole, f) != seen(part, f)} <= changed
