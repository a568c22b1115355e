"""The walls of the house: who may import what, held by reading the imports of every file."""
from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

import curation

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("curation", "training", "pages", "ui", "flowsight")
CODE = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "node_modules" not in path.parts) + [ROOT / "app.py"]
HEAVY = {"torch", "transformers", "trl", "peft", "bitsandbytes", "accelerate"}

# what of curation training may import: these import nothing of ours but each other
SHARED = {"curation.model", "curation.errors", "curation.process_identity", "curation.people.access"}

# import -> the places it may stand in
ALLOWED = {
    "streamlit": ("app.py", "pages/", "ui/"),
    "sqlalchemy": ("curation/store/",),
    "sqlite3": ("curation/store/",),
    "pysqlite3": ("curation/store/",),
    "tree_sitter": ("curation/csource/syntax/",),  # facts are read without a syntax tree
    "tree_sitter_c": ("curation/csource/syntax/",),
    **{heavy: ("training/",) for heavy in HEAVY},
}


def _imports(path: Path, *, top_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree)) if not top_only else _at_import_time(tree)
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def _at_import_time(tree: ast.AST) -> list[ast.AST]:
    found: list[ast.AST] = []
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        found.append(child)
        found.extend(_at_import_time(child))
    return found


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", CODE, ids=_relative)
def test_a_file_imports_only_what_its_room_may(path: Path) -> None:
    here = _relative(path)
    for name in _imports(path):
        places = ALLOWED.get(name.split(".")[0])
        assert places is None or here.startswith(places), f"{here} imports {name}, which belongs to {', '.join(places)}"


@pytest.mark.parametrize("path", CODE, ids=_relative)
def test_the_direction_of_imports_is_kept(path: Path) -> None:
    here, imported = _relative(path), _imports(path)
    rooms = {name.split(".")[0] for name in imported}
    if here.startswith("curation/"):
        assert not rooms & {"training", "ui", "pages", "app"}, f"{here} looks outward"
    if here.startswith("training/"):
        assert not rooms & {"ui", "pages", "app"}, f"{here} looks outward"
        ours = {name for name in imported if name.split(".")[0] == "curation"}
        values = {f"curation.{name}" for name, value in vars(curation).items() if not isinstance(value, ModuleType)}  # version, workspace
        assert all(n in {"curation", "curation.people"} | values or _shared(n) for n in ours), f"{here} imports {ours}"
    if here in {name.replace(".", "/") + ".py" for name in SHARED}:
        ours = {name for name in imported if name.split(".")[0] == "curation"}
        assert all(_shared(n) for n in ours), f"{here} imports {ours}"


def _shared(name: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in SHARED)


@pytest.mark.parametrize("path", [p for p in CODE if _relative(p).startswith("training/")], ids=_relative)
def test_training_modules_are_imported_without_torch(path: Path) -> None:
    heavy = {name for name in _imports(path, top_only=True) if name.split(".")[0] in HEAVY}
    if heavy:
        assert not path.name.startswith(("config", "runs", "__main__")) and "recipes" not in path.parts, f"{_relative(path)}: {heavy}"


def test_the_config_the_runs_and_the_command_line_load_no_torch() -> None:
    code = (
        "import sys, training.config, training.runs, training.__main__, training.report, training.metrics;"
        "training.config.presets();"
        f"print(sorted(set(sys.modules) & {HEAVY!r}))"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_no_module_is_named_like_one_of_pythons_own() -> None:
    """`import types` beside a types.py of ours is read wrongly, by people and by a script that is run from its folder."""
    own = {_relative(path) for path in CODE if path.name not in ("__init__.py", "__main__.py") and path.stem in sys.stdlib_module_names}
    own |= {_relative(path) for path in CODE if path.name == "__init__.py" and path.parent.name in sys.stdlib_module_names}
    assert not own


def test_no_module_imports_one_that_imports_it_again() -> None:
    """Imports within functions count too, and those for type checkers alone: who reads one of two modules needs the other."""
    modules = {_relative(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in CODE}
    graph = {name: _modules_read(path, modules) - {name} for name, path in modules.items()}
    while ends := {name for name, read in graph.items() if not read}:  # whoever reads none of those that are left is in no circle
        graph = {name: read - ends for name, read in graph.items() if name not in ends}
    while begins := graph.keys() - set().union(*graph.values()):  # nor is whom none of them reads
        graph = {name: read for name, read in graph.items() if name not in begins}
    assert not graph, f"these import each other: {sorted(graph)}"


def _modules_read(path: Path, modules: Mapping[str, Path]) -> set[str]:
    """Of `from curation.store import items, Store` the modules curation.store.items and curation.store."""
    read: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            read.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            read.update(name if name in modules else node.module for name in names)
    return read & modules.keys()


def test_datasets_holds_no_python_file() -> None:
    assert not list((ROOT / "datasets").rglob("*.py"))


def test_every_screen_has_a_service_or_a_reader_of_its_name() -> None:
    """pages/review.py -> curation/pairs/review.py; home and report read, train starts runs, users and rows have services of their name."""
    services = {p.stem for part in ("curation/*", "curation/*/*", "training/*") for p in ROOT.glob(part) if "csource" not in p.parts}
    others = {"home": "progress", "train": "runs"}
    for page in (ROOT / "pages").glob("*.py"):
        assert others.get(page.stem, page.stem) in services, f"pages/{page.name} has no service of its name"


PAGES = [path for path in CODE if _relative(path).startswith(("pages/", "ui/"))]
ROUTES = {  # what serves and keeps files, finds the pages, and makes the workspace: no screens
    "ui/upload.py", "ui/routes.py", "ui/router.py", "ui/gate.py", "ui/session.py", "ui/workspace.py", "ui/text.py", "ui/archive_upload.py",
    "ui/code_view/__init__.py", "ui/draft/__init__.py",
}
FILE_VERBS = {"glob", "rglob", "iterdir", "open", "read_bytes", "write_text", "write_bytes", "unlink", "stat", "is_file", "is_dir"}


@pytest.mark.parametrize("path", [path for path in PAGES if _relative(path) not in ROUTES], ids=_relative)
def test_a_screen_asks_services_and_decides_no_right_nor_looks_at_files(path: Path) -> None:
    """A right that a page decides is one that the next page forgets. `session.may` only hides what a press would be refused."""
    here, imported = _relative(path), _imports(path)
    closed = [name for name in imported if name.startswith(("curation.store", "curation.people.access"))]
    assert not closed, f"{here} imports {closed}: a service asks the store, and decides who may"
    calls = {
        (node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", ""))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
    }
    assert not calls & FILE_VERBS, f"{here} looks at files itself: {calls & FILE_VERBS}"


def test_every_module_that_the_guides_name_is_there() -> None:
    """docs/engine.md names modules by their place in curation/csource/ or curation/knowledge/, the others by their place in the project."""
    roots = (ROOT, ROOT / "curation", ROOT / "curation" / "csource", ROOT / "curation" / "knowledge")
    for guide in ("docs/engine.md", "docs/learning.md", "docs/training.md", "benchmarks/RESULTS.md", "README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"`([\w/]+\.py)`", (ROOT / guide).read_text(encoding="utf-8"))) - {"curation/tasks/NAME.py"}
        lost = [name for name in named if "NAME" not in name and not any((root / name).exists() for root in roots)]
        assert not lost, f"{guide} names {lost}"
