"""What is gone through around a file of a big corpus, and who is reached there."""
from __future__ import annotations

from pathlib import Path

import pytest

from curation.csource import Program, build_index
from curation.csource import program as program_module
from curation.csource.incremental.indexer import make_index
from curation.csource.pointsto.nodes import FieldLoad
from curation.csource.sources.files import list_folder
from curation.csource.storage.folder_index import open_index
from curation.tasks import get_task

_TEXTS = {
    "a/bind.c": "struct work { void (*run)(struct work *); };\nvoid schedule_work(struct work *w);\nvoid my_run(struct work *w) { }\n"
                "struct work mine;\nvoid set(void) { mine.run = my_run; }\nvoid kick(void) { schedule_work(&mine); }\n",
    "a/call.c": "struct work { void (*run)(struct work *); };\nvoid kick(void);\nvoid go(struct work *w) { kick(); w->run(w); }\n"
                "#include <signal.h>\nvoid on_signal(void (*f)(int)) { signal(2, f); }\n",
    "a/caller.c": "void on_signal(void (*f)(int));\nstatic void quit(int n) { }\nvoid start(void) { on_signal(quit); }\n",
    "a/far.c": "int alone(void) { return 1; }\n",
    "b/other.c": "void kick(void);\nvoid elsewhere(void) { kick(); }\n",
}


@pytest.fixture(params=["memory", "disk"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Program:
    if request.param == "memory":
        return build_index(sorted(_TEXTS.items()), jobs=0)
    for file, text in _TEXTS.items():
        (tmp_path / "src" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / file).write_text(text)
    make_index(tmp_path / "index", list_folder(tmp_path / "src"))
    open_index(tmp_path / "index").flow  # noqa: B018
    return open_index(tmp_path / "index")  # of the flow that was kept


def test_around_a_file_are_those_of_its_folder_that_share_functions_with_it(index: Program) -> None:
    near = index.around(["a/bind.c"])
    assert near.files() == ["a/bind.c", "a/call.c"]
    assert [c.file for c in near.calls_to("kick")] == ["a/call.c"]
    assert [c.file for c in index.calls_to("kick")] == ["a/call.c", "b/other.c"]
    assert index.around(["a/far.c"]).files() == ["a/far.c"]
    assert near.functions("elsewhere") != [] and near.flow is index.flow


def test_who_calls_a_function_through_a_pointer_is_told_by_flow(index: Program) -> None:
    value = index.flow.value_of(index.functions("my_run")[0])
    assert value is not None and index.flow.value_of(index.functions("alone")[0]) is None
    assert [key[:2] for key in index.flow.calls_of(value)] == [("a/call.c", 3)]
    assert [index.flow.nodes[node] for node in index.flow.fields_of(value)] == [FieldLoad("struct work", "run")]


def test_a_big_corpus_proposes_for_a_file_what_a_small_one_does(index: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    propose = get_task("callback_timing").propose
    assert propose is not None
    small = [list(propose(index, [file])) for file in ("a/bind.c", "a/caller.c")]
    monkeypatch.setattr(program_module, "SMALL", 0)
    assert [list(propose(index, [file])) for file in ("a/bind.c", "a/caller.c")] == small and all(small)
