"""The whole curation line by the command line alone, and what it says when something is wrong."""
from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from curation import PROJECT, at_hand, datasets_dir
from curation.__main__ import main, parser
from curation.freezing import manifest
from curation.settings import load_settings
from curation.store import items, open_store

COMMANDS = ("import", "sources", "index", "search", "propose", "generate", "review", "freeze", "verify", "export", "users")
CODE = """
struct ops {{ int (*open)(int); void (*close)(int); }};
static int {0}_open(int fd) {{ return fd + {1}; }}
static void {0}_close(int fd) {{ (void)fd; }}
static const struct ops {0}_ops = {{ .open = {0}_open, .close = {0}_close }};
int {0}_run(const struct ops *ops, int fd) {{ int kept = ops->open(fd * {1}); ops->close(kept - {1}); return kept; }}
int {0}_main(void) {{ return {0}_run(&{0}_ops, {1}); }}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLOWSIGHT_HOME", str(tmp_path / "home"))
    for name in list(os.environ):
        if name.startswith("FLOWSIGHT_") and name != "FLOWSIGHT_HOME":
            monkeypatch.delenv(name)
    return tmp_path / "home"


def corpus(place: Path) -> Path:
    for number, name in enumerate(["uart", "disk", "socket", "timer", "sensor", "camera"]):
        (place / name).mkdir(parents=True)
        (place / name / f"{name}.c").write_text(CODE.format(name, number + 2))
    return place


def rows_file(place: Path) -> Path:
    asked = [f"What does callback number {n} of the {n * 37 % 101}th driver do?" for n in range(8)]
    pairs = [{"instruction": text, "output": f"It frees slot {n}."} for n, text in enumerate(asked)]
    place.write_text("".join(json.dumps(pair) + "\n" for pair in pairs) + "{broken\n")
    return place


def preference_file(place: Path) -> Path:
    asked = ["Who frees the buffer?", "When does the timer callback run?", "Which handler gets SIGTERM?", "What wakes the reader thread?"]
    place.write_text(json.dumps([{"prompt": p, "chosen": f"{p} The driver does.", "rejected": "I cannot say."} for p in asked]))
    return place


def walk(place: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Import to freeze by commands alone, in the workspace of the environment; the hash."""
    place.mkdir(parents=True)
    steps = [
        f"import {PROJECT / 'datasets' / 'demo' / 'src'} --name demo",
        f"import {rows_file(place / 'rows.jsonl')} --skip-bad",
        f"import {preference_file(place / 'pairs.json')} --seed 5",
        "index --all",
        "propose --source demo --task all",
        "review confirm --task function_pointer --all --explain en=Read_from_the_initializer.",
        "review confirm --task callback_timing --all",
        "review confirm --task async_pattern --all",
        "review accept --task self_instruct --all",
        "review choose --task preference --all --choice imported",
        "freeze flow --seed 7",
    ]
    for step in steps:
        assert main(step.split()) == 0, step
    return capsys.readouterr().out.strip().splitlines()[-1]


def test_two_workspaces_with_the_same_content_and_seed_freeze_the_same_bytes(tmp_path, monkeypatch, capsys, home):
    hashes, folders = [], []
    for name in ("first", "second/deeper"):
        monkeypatch.setenv("FLOWSIGHT_HOME", str(tmp_path / name / "home"))
        hashes.append(walk(tmp_path / name / "input", capsys))
        folders.append(tmp_path / name / "home" / "datasets" / "flow" / "v0001")
    assert hashes[0] == hashes[1] and len(hashes[0]) == 64
    files = sorted(p.relative_to(folders[0]).as_posix() for p in folders[0].rglob("*") if p.is_file())
    for name in files:
        if name not in (manifest.MANIFEST, manifest.SEAL):
            assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
    about = manifest.verify(folders[0])
    assert set(about["tasks"]) == {"function_pointer", "callback_timing", "async_pattern", "self_instruct", "preference"}
    for counts in (task["counts"] for task in about["tasks"].values()):
        assert set(counts) == {"train", "validation", "test"}
    confirmed = [row.fields for row in manifest.read_rows(folders[0], "sft") if row.fields["task"] == "function_pointer"]
    assert {row["lang"] for row in confirmed} == {"en", "zh"}
    assert len(confirmed) >= 20 and sum(bool(json.loads(row["answer"])["targets"]) for row in confirmed) >= 16
    assert any("Read_from_the_initializer." in row["completion"][0]["content"] for row in confirmed)


def test_verify_and_export_by_command(tmp_path, capsys, home):
    walk(tmp_path / "in", capsys)
    folder = home / "datasets" / "flow" / "v0001"
    assert main(["verify", str(folder)]) == 0 and "untouched" in capsys.readouterr().out
    out = tmp_path / "alpaca.json"
    assert main(["export", str(folder), "--format", "alpaca", "--split", "train", "--out", str(out)]) == 0
    assert {tuple(sorted(row)) for row in json.loads(out.read_text())} == {("input", "instruction", "output")}
    assert main(["export", str(folder), "--format", "alpaca", "--out", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["export", "--task", "function_pointer", "--status", "answered", "--out", str(tmp_path / "a.csv")]) == 0
    assert (tmp_path / "a.csv").read_text(encoding="utf-8-sig").startswith("id,task,origin,source,file,line,lang,status,action,answer,")
    (folder / "README.md").write_text("touched")
    assert main(["verify", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "README.md was changed" in said and "Traceback" not in said


def test_propose_writes_one_json_line_a_proposal_with_the_promised_keys(tmp_path, capsys, home):
    out = tmp_path / "p.jsonl"
    assert main(["propose", str(corpus(tmp_path / "code")), "--task", "all", "--out", str(out)]) == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    pointers = [line for line in lines if line["task"] == "function_pointer"]
    assert len(pointers) == 12
    first = pointers[0]
    assert {"task", "file", "line", "column", "function", "expression", "candidates"} <= first.keys()
    assert first["file"] == "camera/camera.c" and first["function"] == "camera_run"
    assert {"name", "file", "line", "score", "evidence"} <= first["candidates"][0].keys()
    assert not home.exists()  # no workspace is touched


def test_every_command_explains_itself_with_an_example(capsys):
    for command in COMMANDS:
        with pytest.raises(SystemExit) as end:
            parser().parse_args([command, "--help"])
        said = capsys.readouterr().out
        assert end.value.code == 0 and f"python -m curation {command}" in said and "example" in said


def test_the_examples_of_every_help_are_commands_that_parse(capsys):
    import shlex

    for command in COMMANDS:
        with pytest.raises(SystemExit):
            parser().parse_args([command, "--help"])
        for line in capsys.readouterr().out.splitlines():
            if line.startswith("  python -m curation "):
                assert parser().parse_args(shlex.split(line)[3:]).command == command


@pytest.mark.parametrize(("argv", "said"), [
    (["import", "/no/such/thing"], "is no folder, file or git address"),
    (["sources", "nothing"], "'nothing'"),
    (["index"], "exactly one is needed"),
    (["index", "/no/such/folder"], "no folder '/no/such/folder'"),
    (["index", "nothing"], "no folder or imported source 'nothing'"),
    (["index", "empty"], "holds no C files"),
    (["index", "a.c", "--index", "broken.tar.gz"], "--index: 'broken.tar.gz' is no folder"),
    (["propose"], "exactly one is needed"),
    (["propose", "empty"], "holds no C files"),
    (["propose", "a.c", "--index", "broken.tar.gz"], "--index: 'broken.tar.gz' is no folder"),
    (["propose", "a.c", "--index", "full"], "--index: 'full' holds other files than an index"),
    (["import", "a\0b"], "what"),
    (["import", "empty"], "holds no file ending in"),
    (["verify", "broken.tar.gz"], "broken.tar.gz"),
    (["export", "broken.tar.gz"], "broken.tar.gz"),
    (["explain", "a.c:x", "."], "a.c:x"),
    (["review", "list", "--home", "broken.tar.gz"], "broken.tar.gz"),
    (["propose", "/no/such/folder"], "/no/such/folder"),
    (["propose", "--source", "nothing"], "'nothing'"),
    (["propose", ".", "--task", "sleep"], "'sleep'"),
    (["review", "accept"], "--all"),
    (["review", "accept", "0000"], "'0000'"),
    (["freeze", "flow"], "Nothing can be frozen"),
    (["freeze", "Bad Name"], "name"),
    (["freeze", "flow", "--test", "0.9"], "test"),
    (["verify", "/no/such/folder"], "no such folder"),
    (["export", "/no/such/folder"], "no such folder"),
    (["sources", "--user", "nobody"], "'nobody'"),
    (["users", "add", "wang"], "--role: '' is missing"),
    (["users", "add"], "NAME: '' is missing"),
    (["import", "broken.tar.gz"], "broken.tar.gz cannot be read as an archive"),
    (["generate", "--task", "function_pointer", "--count", "many"], "--count"),
])
def test_an_error_is_one_clear_line_and_exit_code_2(argv, said, capsys, home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.c").write_text("int x;\n")
    (tmp_path / "broken.tar.gz").write_text("404 Not Found\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine\n")
    if argv[-1] == "nobody":
        argv = ["review", "list", *argv[1:]]
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert said in err and err.startswith(("error: ", "no sites")) or "\nerror: " in err
    assert "Traceback" not in err


def test_a_truncated_archive_and_an_unsafe_one(tmp_path, capsys, home):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in ("ok.c", "../up.c"):
            info = tarfile.TarInfo(name)
            info.size = 4000
            archive.addfile(info, io.BytesIO(os.urandom(2000).hex().encode()))
    (tmp_path / "whole.tgz").write_bytes(packed.getvalue())
    (tmp_path / "cut.tgz").write_bytes(packed.getvalue()[:2500])
    assert main(["import", str(tmp_path / "cut.tgz")]) == 2
    assert "cut.tgz" in capsys.readouterr().err
    assert main(["import", str(tmp_path / "whole.tgz")]) == 0
    said = capsys.readouterr()
    assert "whole: 1 files added" in said.out and "../up.c" in said.err
    assert main(["sources"]) == 0 and capsys.readouterr().out.count("\n") == 1


def test_a_bad_line_is_told_and_the_other_rows_come_in_when_asked_for(tmp_path, capsys, home):
    assert main(["import", str(rows_file(tmp_path / "rows.jsonl"))]) == 2
    said = capsys.readouterr()
    assert "0 rows added" in said.out and "rows.jsonl, line 9" in said.err and "--skip-bad" in said.err
    assert main(["import", str(tmp_path / "rows.jsonl"), "--skip-bad"]) == 0
    said = capsys.readouterr()
    assert "8 rows added" in said.out and "rows.jsonl, line 9" in said.err


def test_review_by_ids_rejects_mends_and_takes_back(tmp_path, capsys, home):
    main(["import", str(rows_file(tmp_path / "rows.jsonl")), "--skip-bad"])
    store = open_store(f"sqlite:///{home / 'store.sqlite'}")
    ids = [item.id for item in items.find(store)]
    capsys.readouterr()
    assert main(["review", "reject", *ids[:2]]) == 2 and "reason" in capsys.readouterr().err
    assert main(["review", "reject", *ids[:2], "--reason", "wrong"]) == 0
    mended = json.dumps({"instruction": "Why?", "input": "", "output": "Because."})
    assert main(["review", "mend", ids[2], "--answer", mended]) == 0
    assert main(["review", "mend", ids[3], "--answer", "{oops"]) == 2
    capsys.readouterr()
    main(["review", "list", "--status", "rejected"])
    assert capsys.readouterr().out.count("\n") == 2
    main(["review", "show", ids[2]])
    assert json.loads(capsys.readouterr().out)["resolved"]["answer"]["output"] == "Because."
    assert main(["review", "undo"]) == 0 and "1 items" in capsys.readouterr().out
    assert main(["review", "confirm", ids[0]]) == 2 and "does not fit" in capsys.readouterr().err


def test_a_listed_text_cannot_steer_the_terminal(tmp_path, capsys, home):
    (tmp_path / "r.jsonl").write_text(json.dumps({"instruction": "\u001b[2J\u009b31m hidden", "output": "x"}) + "\n")
    main(["import", str(tmp_path / "r.jsonl")])
    main(["review", "list"])
    out = capsys.readouterr().out
    assert "hidden" in out and "\u001b" not in out and "\u009b" not in out


def test_users_by_command(capsys, home, monkeypatch):
    def typed(text: str) -> None:
        read, write = os.pipe()
        os.write(write, text.encode())
        os.close(write)
        monkeypatch.setattr("sys.stdin", os.fdopen(read))

    typed("correct horse battery\n")
    assert main(["users", "add", "wang", "--role", "annotator"]) == 2  # the local lead has no password yet
    typed("correct horse battery\n")
    assert main(["users", "password", "local"]) == 0
    typed("another long password\n")
    assert main(["users", "add", "wang", "--role", "annotator"]) == 0
    capsys.readouterr()
    main(["users"])
    assert "wang\tannotator\tactive" in capsys.readouterr().out
    assert main(["freeze", "flow", "--user", "wang"]) == 2
    assert main(["users", "disable", "wang"]) == 0
    assert main(["review", "list", "--user", "wang"]) == 2 and "disabled" in capsys.readouterr().err


def test_generate_by_command_fills_the_queue_and_pays_nothing_twice(capsys, home):
    from tests.fake_endpoint import running

    with running() as server:
        argv = ["generate", "--task", "function_pointer", "--count", "6", "--base-url", server.base_url, "--model", "fake"]
        assert main(argv) == 0
        paid = len(server.requests)
        assert main(argv) == 0 and len(server.requests) == paid > 0
    store = open_store(f"sqlite:///{home / 'store.sqlite'}")
    assert sum(item.origin == "generated" for item in items.find(store)) >= 6
    capsys.readouterr()


def test_as_a_program_it_ends_with_the_code_and_no_traceback(tmp_path):
    env = {**os.environ, "FLOWSIGHT_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "curation", "verify", str(tmp_path / "none")], cwd=PROJECT, env=env, capture_output=True, text=True,
    )
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1 and done.stderr.startswith("error: ")


KNOWN = """subsystem: irq
platform: linux
rows:
- {id: linux.my_register, kind: function, names: [my_register], handler_arg: 0, runs_in: hardirq, may_sleep: false, source: manual,
   trigger: {en: my device calls, zh: 设备触发时}}
"""


def test_the_knowledge_is_browsed_and_shown_by_commands(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["knowledge", "--search", "chained", "--runs-in", "hardirq", "--subsystem", "irq"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["linux.irq_set_chained_handler", "linux.irq_set_chained_handler_and_data"]
    assert main(["knowledge", "show", "request_irq", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["id"], shown["handler_arg"], shown["versions"], shown["added_by"]) == ("linux.request_irq", 1, None, None)
    assert main(["knowledge", "show", "atexit"]) == 0
    assert any(line.split() == ["handler_arg", "0"] for line in capsys.readouterr().out.splitlines())
    assert main(["knowledge", "show", "no_such_api"]) == 2


def test_rows_are_added_by_a_reviewer_alone_and_withdrawn_again(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.yaml").write_text(KNOWN, encoding="utf-8")
    for name, role in (("local", None), ("wang", "annotator"), ("reva", "reviewer")):
        monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
        action = ["users", "password", name] if role is None else ["users", "add", name, "--role", role]
        monkeypatch.setattr("os.isatty", lambda _: False)
        monkeypatch.setattr("sys.stdin.fileno", lambda: 0, raising=False)
        assert main(action) == 0
    assert main(["knowledge", "add", str(tmp_path / "mine.yaml"), "--user", "wang"]) == 2
    assert "may not add knowledge rows" in capsys.readouterr().err
    assert main(["knowledge", "add", str(tmp_path / "mine.yaml"), "--user", "reva"]) == 0
    assert main(["knowledge", "--added"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split("\t")[0::5] == ["linux.my_register", "reva"]
    (tmp_path / "mine.yaml").write_text(KNOWN.replace("handler_arg: 0", "handler_arg: first"), encoding="utf-8")
    assert main(["knowledge", "add", str(tmp_path / "mine.yaml"), "--user", "reva"]) == 2
    assert "handler_arg" in capsys.readouterr().err
    assert main(["knowledge", "withdraw", "linux.my_register", "--user", "reva"]) == 0
    assert main(["knowledge", "--added"]) == 0
    assert capsys.readouterr().out == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_proposing_tells_a_terminal_how_far_it_is_and_leaves_its_line_empty(home, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert main(["propose", str(corpus(tmp_path / "src")), "--task", "function_pointer", "--out", str(tmp_path / "out.jsonl")]) == 0
    said = sys.stderr.getvalue()
    assert "reading " in said and " files" in said and "solving what flows where" in said
    assert "\r\x1b[K12 function_pointer\n" in said  # the last line is whole: what was drawn before it is gone


def test_proposing_tells_no_progress_to_a_file(home, tmp_path, capsys):
    assert main(["propose", str(corpus(tmp_path / "src")), "--task", "function_pointer", "--out", str(tmp_path / "out.jsonl")]) == 0
    assert capsys.readouterr().err == "12 function_pointer\n"


def test_a_folder_is_indexed_and_proposed_by_relative_names_from_anywhere(home, tmp_path, monkeypatch, capsys):
    corpus(tmp_path / "src")
    monkeypatch.chdir(tmp_path)
    assert main(["propose", "src", "--index", "mine.index", "--task", "function_pointer", "--out", "out.jsonl"]) == 0
    assert capsys.readouterr().err == "12 function_pointer\n"


def test_a_dataset_of_the_workspace_and_the_shipped_demo_are_found_by_the_readme_s_names(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert at_hand("datasets/demo/src") == PROJECT / "datasets" / "demo" / "src"
    assert at_hand("datasets/flow/v0001") == Path("datasets/flow/v0001")
    (home / "datasets" / "flow" / "v0001").mkdir(parents=True)
    assert at_hand("datasets/flow/v0001") == home / "datasets" / "flow" / "v0001"
    (tmp_path / "datasets" / "flow" / "v0001").mkdir(parents=True)  # what lies here comes first
    assert at_hand("datasets/flow/v0001") == Path("datasets/flow/v0001")


def test_settings_and_commands_agree_where_frozen_versions_are(home, tmp_path, monkeypatch):
    assert datasets_dir() == load_settings().datasets_dir == home / "datasets"
    home.mkdir()
    (home / "flowsight.toml").write_text(f'datasets_dir = "{tmp_path / "elsewhere"}"\n')
    assert datasets_dir() == load_settings().datasets_dir == tmp_path / "elsewhere"
    monkeypatch.setenv("FLOWSIGHT_DATASETS_DIR", str(tmp_path / "third"))
    assert datasets_dir() == load_settings().datasets_dir == tmp_path / "third"
