"""Where is llama.cpp, and if it is nowhere, how is it built? `python -m training tools [--check|--build]`.

Looked for in this order: LLAMA_CPP_DIR (an installation, or a source tree with its build folder; when it is set, nothing else
is tried), the folder of a `llama-quantize` on PATH, then $FLOWSIGHT_TOOLS (default ~/.cache/flowsight). Three things must be
there: libllama as a shared library, llama.h, and convert_hf_to_gguf.py. If they are not, `build` fetches the source archive of
llama-cpp-python 0.3.36 by pip, checks its SHA-256, unpacks the parts of llama.cpp that are needed and builds the one target
`llama` with -O1 (about 90 CPU seconds). A build that was killed is taken up again; a second builder waits for the first.
FLOWSIGHT_LLAMA_ARCHIVE names an archive that is here already (no network).

On top of it stands our own small C program (training/gguf_program/flowsight_gguf.c), compiled once for each libllama: it
quantizes, tokenizes and gives logits.

Not covered: Windows, GPU back ends (files are made and measured on the CPU), x86 processors without AVX2.

>>> llama = find(); llama.origin, llama.program.name
('built', 'flowsight-gguf')
"""
from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from curation import command
from curation.errors import Reason, ToolMissing, UserError

PACKAGE = "llama-cpp-python"
VERSION = "0.3.36"
ARCHIVE_SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
BUILD = command("training tools --build")
INSIDE = f"llama_cpp_python-{VERSION}/vendor/llama.cpp/"
NEEDED = ("CMakeLists.txt", "LICENSE", "licenses", "cmake", "ggml", "include", "src", "vendor",
          "conversion", "gguf-py", "convert_hf_to_gguf.py")
SOURCE = Path(__file__).resolve().parent / "gguf_program" / "flowsight_gguf.c"
CMAKE_OPTIONS = [
    "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_C_FLAGS_RELEASE=-O1", "-DCMAKE_CXX_FLAGS_RELEASE=-O1", "-DBUILD_SHARED_LIBS=ON",
    "-DCMAKE_BUILD_RPATH_USE_ORIGIN=ON",  # the libraries find each other wherever the folder is moved to
    "-DGGML_NATIVE=OFF",  # a cache may be shared by machines; AVX2 stays on
    "-DGGML_OPENMP=OFF",  # its spinning threads are many times slower on a busy machine
    "-DGGML_CCACHE=OFF",
    *(f"-DLLAMA_BUILD_{part}=OFF" for part in ("COMMON", "TESTS", "TOOLS", "EXAMPLES", "SERVER", "APP")),
]
Origin = Literal["LLAMA_CPP_DIR", "PATH", "built"]
Say = Callable[[str], None]


@dataclass(frozen=True)
class LlamaCpp:
    """A usable llama.cpp. `scripts` holds convert_hf_to_gguf.py and gguf-py; `program` is our flowsight-gguf for its library;
    `version` is the pinned release for one we built, else the library's file name."""

    origin: Origin
    scripts: Path
    library: Path
    include: tuple[Path, ...]
    program: Path
    version: str


def tools_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder outside of the project where built tools are kept. It need not exist."""
    given = environ.get("FLOWSIGHT_TOOLS")
    return Path(given).expanduser().absolute() if given else Path.home() / ".cache" / "flowsight"


def find(environ: Mapping[str, str] = os.environ) -> LlamaCpp:
    """The llama.cpp to use; compiles our program for it when that is not done yet (a second).

    Raises ToolMissing: LLAMA_CPP_DIR is set and lacks something (named), or there is none anywhere."""
    if given := environ.get("LLAMA_CPP_DIR"):
        return _usable(Path(given).expanduser().absolute(), "LLAMA_CPP_DIR", environ)
    if on_path := shutil.which("llama-quantize", path=environ.get("PATH")):
        for folder in Path(on_path).resolve().parents[:3]:
            if not _lacking(folder):
                return _usable(folder, "PATH", environ)
    installed = _installed_dir(environ)
    if not installed.is_dir():
        why = Reason("no_llama", "not in LLAMA_CPP_DIR, not whole on PATH, not in {folder}", folder=installed)
        raise ToolMissing(tool="llama.cpp", why=why, todo=Reason("build_tools", "Build it with `{command}`.", command=BUILD))
    return _usable(installed, "built", environ)


def ensure(environ: Mapping[str, str] = os.environ, say: Say = print) -> LlamaCpp:
    """As `find`, and builds llama.cpp when there is none. Raises ToolMissing when it can neither be found nor built."""
    if not environ.get("LLAMA_CPP_DIR"):
        try:
            return find(environ)
        except ToolMissing:
            build(environ, say)
    return find(environ)


def build(environ: Mapping[str, str] = os.environ, say: Say = print, jobs: int | None = None) -> Path:
    """Builds llama.cpp from the pinned archive and returns the folder it stands in; nothing to do when it stands there already.

    What the compiler says goes to llama.cpp-0.3.36.log beside it. `jobs`: compilers at a time, None: one a core.
    Raises ToolMissing: no cmake, no C++ compiler, the archive cannot be had or is another one, the build failed."""
    target = _installed_dir(environ)
    target.parent.mkdir(parents=True, exist_ok=True)
    log = target.with_name(target.name + ".log")
    with _only_one(target.with_name(target.name + ".lock"), say):
        if target.is_dir():
            return target
        cmake, compiler = _cmake(environ), _compiler(environ, "c++", "g++", "clang++")
        partial = target.with_name(target.name + ".partial")
        source = _unpacked(_archive(target.parent, environ, say, log), partial, say)
        say(f"building llama.cpp with {compiler} (a few minutes; log: {log})")
        build_dir = partial / "build"
        _logged([cmake, "-S", str(source), "-B", str(build_dir), f"-DCMAKE_CXX_COMPILER={compiler}", *CMAKE_OPTIONS], log, environ)
        _logged([cmake, "--build", str(build_dir), "--target", "llama", "--parallel", str(jobs or os.cpu_count() or 1)], log, environ)
        _install(source, build_dir, partial / "done")
        os.rename(partial / "done", target)  # from here on it is there, whole
        shutil.rmtree(partial)
        say(f"llama.cpp of {PACKAGE} {VERSION} stands in {target}")
    return target


def _installed_dir(environ: Mapping[str, str]) -> Path:
    return tools_dir(environ) / f"llama.cpp-{VERSION}"


@contextmanager
def _only_one(lock: Path, say: Say) -> Iterator[None]:
    with open(lock, "w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process builds llama.cpp; waiting for it")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _cmake(environ: Mapping[str, str]) -> str:
    for found in (shutil.which("cmake", path=environ.get("PATH")), str(Path(sysconfig.get_path("scripts")) / "cmake")):
        if found and os.access(found, os.X_OK):
            return found
    raise ToolMissing(tool="cmake", why=Reason("not_on_path", "it is neither on PATH nor in this Python's environment"),
                      todo=Reason("install_cmake", "Install it from the system's packages, or with `pip install cmake`."))


def _compiler(environ: Mapping[str, str], *names: str) -> str:
    for name in names:
        if found := shutil.which(name, path=environ.get("PATH")):
            return found
    raise ToolMissing(
        tool=" or ".join(names), why=Reason("no_compiler", "llama.cpp is built from source and no such compiler is on PATH"),
        todo=Reason("install_compiler", "Install one (Debian: build-essential), or set LLAMA_CPP_DIR to a llama.cpp that is built."),
    )


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _archive(folder: Path, environ: Mapping[str, str], say: Say, log: Path) -> Path:
    """The pinned source archive: the one that is named, the one fetched before, or fetched now by pip (which checks the hash
    before it looks into the archive; build isolation lets pip read the package's metadata, it builds nothing)."""
    name = f"llama_cpp_python-{VERSION}.tar.gz"
    given = environ.get("FLOWSIGHT_LLAMA_ARCHIVE")
    archive = Path(given).expanduser() if given else folder / name
    if not archive.is_file():
        if given:
            why = Reason("no_archive_file", "FLOWSIGHT_LLAMA_ARCHIVE names {archive}, which is no file", archive=archive)
            raise ToolMissing(tool="the llama.cpp archive", why=why,
                              todo=Reason("correct_path", "Correct the path, or unset it to fetch the archive by pip."))
        say(f"fetching the source archive of {PACKAGE} {VERSION} by pip (77 MB)")
        incoming = folder / "incoming"
        incoming.mkdir(exist_ok=True)
        wanted = incoming / "wanted.txt"
        wanted.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{ARCHIVE_SHA256}\n", encoding="ascii")
        _logged([sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", PACKAGE, "--require-hashes",
                 "-r", str(wanted), "-d", str(incoming)], log, environ)
        os.replace(incoming / name, archive)
        shutil.rmtree(incoming)
    if (found := _sha256(archive)) != ARCHIVE_SHA256:
        why = Reason("other_sha256", "{archive} has SHA-256 {found}, not {wanted}", archive=archive, found=found, wanted=ARCHIVE_SHA256)
        raise ToolMissing(tool="the llama.cpp archive", why=why, todo=Reason("remove_file", "Remove the file; it is fetched again."))
    return archive


def _unpacked(archive: Path, partial: Path, say: Say) -> Path:
    """The needed parts of llama.cpp under `partial`, unpacked once: regular files only, each below the target folder."""
    source = partial / "llama.cpp"
    if source.is_dir():
        say("taking up a build that was interrupted")
        return source
    scratch = partial / "unpacking"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            parts = PurePosixPath(member.name.removeprefix(INSIDE)).parts
            if not member.isreg() or not member.name.startswith(INSIDE) or ".." in parts or parts[0] not in NEEDED:
                continue
            content = tar.extractfile(member)
            assert content is not None  # a regular member always has content
            out = scratch.joinpath(*parts)
            out.parent.mkdir(parents=True, exist_ok=True)
            with content, open(out, "wb") as file:
                shutil.copyfileobj(content, file)
    os.rename(scratch, source)
    return source


def _install(source: Path, build_dir: Path, done: Path) -> None:
    """Only what is used later: libraries, headers, the converter with its packages, licences."""
    shutil.rmtree(done, ignore_errors=True)
    (done / "lib").mkdir(parents=True)
    for library in sorted((build_dir / "bin").iterdir()):
        if library.name.startswith("lib"):
            shutil.copy2(library, done / "lib" / library.name, follow_symlinks=False)
    shutil.copytree(source / "include", done / "include")
    shutil.copytree(source / "ggml" / "include", done / "include", dirs_exist_ok=True)
    for part in ("conversion", "gguf-py", "licenses"):
        if (source / part).is_dir():
            shutil.copytree(source / part, done / part)
    for part in ("convert_hf_to_gguf.py", "LICENSE"):
        shutil.copy2(source / part, done / part)


def _logged(command: list[str], log: Path, environ: Mapping[str, str]) -> None:
    """Runs a command, appending what it says to `log`. Raises ToolMissing with its last lines."""
    with open(log, "ab") as out:
        started_at = out.tell()
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=dict(environ)).returncode
    if code != 0:
        with open(log, "rb") as said:
            said.seek(started_at)
            last = said.read().decode("utf-8", "replace").strip().splitlines()[-6:]
        raise ToolMissing(tool="llama.cpp", why=Reason("program_ended", "{program} ended with {code}: {said}",
                                                       program=f"`{' '.join(command[:4])} ...`", code=code, said=" | ".join(last)),
                          todo=Reason("see_log", "See {log}, mend the cause and start again; finished parts are kept.", log=log))


def _library(root: Path) -> Path | None:
    for folder in ("lib", "lib64", "build/bin", "bin", "build/src"):
        for name in ("libllama.so", "libllama.dylib"):
            if (path := root / folder / name).is_file():
                return path
    return None


def _headers(root: Path) -> tuple[Path, ...]:
    folders = [root / "include", root / "ggml" / "include"]
    return tuple(f for f in folders if (f / "llama.h").is_file() or (f / "ggml.h").is_file())


def _scripts(root: Path) -> Path | None:
    return next((f for f in (root, root / "bin") if (f / "convert_hf_to_gguf.py").is_file()), None)


def _lacking(root: Path) -> list[str]:
    """What a folder lacks of a usable llama.cpp; empty when nothing."""
    headers = {name for folder in _headers(root) for name in ("llama.h", "ggml.h") if (folder / name).is_file()}
    lacking = [] if _library(root) else ["libllama as a shared library (lib/ or build/bin/)"]
    lacking += [f"{name} (include/)" for name in ("llama.h", "ggml.h") if name not in headers]
    return lacking if _scripts(root) else [*lacking, "convert_hf_to_gguf.py"]


def _usable(root: Path, origin: Origin, environ: Mapping[str, str]) -> LlamaCpp:
    if lacking := _lacking(root):
        todo = Reason("correct_llama_dir", "Correct LLAMA_CPP_DIR, or unset it and build with `{command}`.", command=BUILD)
        why = Reason("llama_lacks", "{folder} lacks {files}", folder=root, files=", ".join(lacking))
        raise ToolMissing(tool="llama.cpp", why=why, todo=todo)
    library, scripts = _library(root), _scripts(root)
    assert library is not None and scripts is not None
    version = f"{PACKAGE} {VERSION}" if origin == "built" else library.resolve().name
    return LlamaCpp(origin, scripts, library, _headers(root), _program(library, _headers(root), environ), version)


def _program(library: Path, include: tuple[Path, ...], environ: Mapping[str, str]) -> Path:
    """Our program for this library, compiled when source or library changed."""
    real = library.resolve()
    about = f"{real} {real.stat().st_size} {real.stat().st_mtime_ns}\n".encode() + SOURCE.read_bytes()
    folder = tools_dir(environ) / "programs" / hashlib.sha256(about).hexdigest()[:16]
    program = folder / "flowsight-gguf"
    if program.is_file():
        return program
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f"flowsight-gguf.{os.getpid()}"
    search = [library.parent, *(p for p in (library.parent.parent / "ggml" / "src",) if p.is_dir())]
    _logged([_compiler(environ, "cc", "gcc", "clang"), "-O1", *(f"-I{f}" for f in include), str(SOURCE), "-o", str(scratch),
             *(f"-L{f}" for f in search), "-lllama", "-lggml", "-lggml-base", *(f"-Wl,-rpath,{f}" for f in search)],
            folder / "compile.log", environ)
    os.replace(scratch, program)
    return program


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m training tools`."""
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", action="store_true", help="only say what is found (the default); exit code 1 when something is missing")
    choice.add_argument("--build", action="store_true", help="build llama.cpp from the pinned source archive when none is found")
    parser.add_argument("--jobs", type=int, default=None, help="compilers at a time while building (default: one a core)")


def main(args: argparse.Namespace) -> int:
    """Says what is found, as one JSON object; with --build builds first when nothing is."""
    try:
        if args.build and not os.environ.get("LLAMA_CPP_DIR"):
            try:
                find()
            except ToolMissing:
                build(jobs=args.jobs, say=lambda text: print(text, file=sys.stderr, flush=True))
        llama = find()
    except UserError as err:
        print(err, file=sys.stderr)
        return 1
    print(json.dumps({"origin": llama.origin, "version": llama.version, "library": str(llama.library),
                      "convert": str(llama.scripts / "convert_hf_to_gguf.py"), "program": str(llama.program)}, indent=2))
    return 0
