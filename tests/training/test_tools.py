"""training/tools.py: llama.cpp is found, or built once, whole or not at all. The builds here are of a stand-in archive by a stand-in cmake;
the real ones are what the other tests of this folder run on."""
from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shutil
import tarfile
import threading
from pathlib import Path

import pytest

from curation.errors import ToolMissing
from training import tools

CMAKE = """#!/bin/sh
echo "$@" >> {calls}
case "$1" in
  --build) if [ -e {broken} ]; then echo 'error: out of sockets' >&2; exit 2; fi
           sleep 0.3; mkdir -p "$2/bin"; echo lib > "$2/bin/libllama.so.0"; ln -sf libllama.so.0 "$2/bin/libllama.so" ;;
  *) mkdir -p "$4" ;;
esac
"""


def _archive(path: Path) -> str:
    """A small archive in the layout of the real one, with members that must not be unpacked. Gives its SHA-256."""
    with tarfile.open(path, "w:gz") as tar:
        def add(name: str, text: str = "x", **kind: object) -> None:
            info = tarfile.TarInfo(name)
            info.size = 0 if kind else len(text)
            for key, value in kind.items():
                setattr(info, key, value)
            tar.addfile(info, None if kind else io.BytesIO(text.encode()))

        for name in ("CMakeLists.txt", "LICENSE", "convert_hf_to_gguf.py", "include/llama.h", "ggml/include/ggml.h", "conversion/base.py",
                     "gguf-py/gguf/__init__.py", "src/a.cpp", "docs/big.md", "include/../../../../outside"):
            add(tools.INSIDE + name)
        add("llama_cpp_python-0.3.36/setup.py")
        add("../outside")
        add(tools.INSIDE + "src/link", type=tarfile.SYMTYPE, linkname="/etc/passwd")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a machine that has a (stand-in) cmake and c++ and the archive, and no llama.cpp."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    (bin_dir / "cmake").write_text(CMAKE.format(calls=tmp_path / "calls", broken=tmp_path / "broken"))
    (bin_dir / "c++").write_text("#!/bin/sh\n")
    for tool in bin_dir.iterdir():
        tool.chmod(0o755)
    monkeypatch.setattr(tools, "ARCHIVE_SHA256", _archive(tmp_path / "archive.tar.gz"))
    return {"PATH": f"{bin_dir}:/usr/bin:/bin", "FLOWSIGHT_TOOLS": str(tmp_path / "tools"),
            "FLOWSIGHT_LLAMA_ARCHIVE": str(tmp_path / "archive.tar.gz")}


def _silent(text: str) -> None:
    return None


def test_a_build_installs_what_is_used_and_nothing_else(machine: dict[str, str], tmp_path: Path) -> None:
    target = tools.build(machine, _silent, jobs=1)
    found = sorted(p.relative_to(target).as_posix() for p in target.rglob("*") if not p.is_dir())
    assert found == ["LICENSE", "conversion/base.py", "convert_hf_to_gguf.py", "gguf-py/gguf/__init__.py", "include/ggml.h",
                     "include/llama.h", "lib/libllama.so", "lib/libllama.so.0"]
    assert sorted(p.name for p in target.parent.iterdir()) == ["llama.cpp-0.3.36", "llama.cpp-0.3.36.lock", "llama.cpp-0.3.36.log"]
    assert not list(tmp_path.rglob("outside")) and not list(tmp_path.parent.glob("outside"))


def test_a_failed_build_leaves_nothing_that_looks_whole_and_is_taken_up_again(machine: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    with pytest.raises(ToolMissing, match="ended with 2: .*error: out of sockets"):
        tools.build(machine, _silent)
    assert not (tmp_path / "tools" / "llama.cpp-0.3.36").exists()
    (tmp_path / "broken").unlink()
    said: list[str] = []
    tools.build(machine, said.append)
    assert "taking up a build that was interrupted" in said
    assert tools.build(machine, said.append).is_dir()


def test_two_builders_build_once(machine: dict[str, str], tmp_path: Path) -> None:
    said: list[str] = []
    builders = [threading.Thread(target=tools.build, args=(machine, said.append)) for _ in range(2)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()
    assert sum("--build" in call for call in (tmp_path / "calls").read_text().splitlines()) == 1
    assert "another process builds llama.cpp; waiting for it" in said


def test_another_archive_than_the_pinned_one_is_refused(machine: dict[str, str], tmp_path: Path) -> None:
    with open(tmp_path / "archive.tar.gz", "ab") as file:
        file.write(b"!")
    with pytest.raises(ToolMissing, match="has SHA-256"):
        tools.build(machine, _silent)
    machine["FLOWSIGHT_LLAMA_ARCHIVE"] = str(tmp_path / "nowhere")
    with pytest.raises(ToolMissing, match="is no file"):
        tools.build(machine, _silent)


def test_a_missing_compiler_is_named(machine: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "bin" / "c++").unlink()
    machine["PATH"] = str(tmp_path / "bin")
    with pytest.raises(ToolMissing, match="c\\+\\+ or g\\+\\+ or clang\\+\\+ was not found.*build-essential"):
        tools.build(machine, _silent)


def test_where_there_is_none_the_command_to_build_it_is_said(machine: dict[str, str]) -> None:
    with pytest.raises(ToolMissing, match="python -m training tools --build"):
        tools.find(machine)


def test_a_named_folder_that_lacks_something_is_refused_by_what_it_lacks(machine: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "own" / "include").mkdir(parents=True)
    (tmp_path / "own" / "include" / "llama.h").touch()
    machine["LLAMA_CPP_DIR"] = str(tmp_path / "own")
    with pytest.raises(ToolMissing, match=r"lacks libllama as a shared library .*, ggml.h \(include/\), convert_hf_to_gguf.py"):
        tools.find(machine)
    with pytest.raises(ToolMissing, match="lacks"):
        tools.ensure(machine, _silent)
    assert not (tmp_path / "calls").exists()


@pytest.mark.line
def test_a_llama_cpp_in_a_named_folder_or_on_path_comes_first(llama: tools.LlamaCpp, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(llama.scripts, own, symlinks=True)
    (own / "bin").mkdir()
    (own / "bin" / "llama-quantize").write_text("#!/bin/sh\n")
    (own / "bin" / "llama-quantize").chmod(0o755)
    base = {"PATH": os.environ["PATH"], "FLOWSIGHT_TOOLS": str(tmp_path / "tools")}
    named = tools.find({**base, "LLAMA_CPP_DIR": str(own)})
    on_path = tools.find({**base, "PATH": f"{own / 'bin'}:{base['PATH']}"})
    assert (named.origin, on_path.origin) == ("LLAMA_CPP_DIR", "PATH")
    assert named.library == on_path.library == own / "lib" / llama.library.name
    assert named.program == on_path.program and named.program.is_relative_to(tmp_path / "tools")


@pytest.mark.line
def test_the_command_line_says_what_is_found(llama: tools.LlamaCpp, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
                                             tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    tools.add_arguments(parser)
    assert tools.main(parser.parse_args(["--check"])) == 0
    assert json.loads(capsys.readouterr().out)["program"] == str(llama.program)
    monkeypatch.setenv("LLAMA_CPP_DIR", str(tmp_path))
    assert tools.main(parser.parse_args(["--build"])) == 1
    assert "lacks libllama" in capsys.readouterr().err
