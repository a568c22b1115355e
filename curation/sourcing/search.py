"""Where in a folder or an imported source does code of a shape stand? Structural search by a C pattern or a tree-sitter query.

>>> next(search_folder(Path("linux/drivers"), "$x->ops->$f($$$)"))
Hit(file='rtc/interface.c', line=94, column=9, ...)

Hits come while the folder is still gone through. A source is searched as it was imported: its files that could be decoded.
"""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from curation.csource.facts.model import FactsProblem
from curation.csource.sources.files import c_files
from curation.csource.syntax.hits import Hit
from curation.csource.syntax.search import search
from curation.errors import BadValue, NotFound, Reason
from curation.settings import Settings
from curation.sourcing.indexing import files_of_source
from curation.store import Store


def search_folder(folder: Path, pattern: str, *, as_query: bool = False, context: int = 2, jobs: int = 1) -> Iterator[Hit | FactsProblem]:
    """As csource.syntax.search.search. Raises NotFound, and BadValue at the end for a folder without C files."""
    if not folder.exists():
        raise NotFound(kind="folder", name=str(folder))
    return _searched(folder, pattern, as_query, context, jobs)


def search_source(
    store: Store, settings: Settings, source: str, pattern: str, *, as_query: bool = False, context: int = 2, jobs: int = 1,
) -> Iterator[Hit | FactsProblem]:
    """As csource.syntax.search.search. Raises NotFound."""
    places = files_of_source(store, settings, source).places
    return search(pattern, ((file, place.path) for file, place in places.items()), as_query=as_query, context=context, jobs=jobs)


def _searched(folder: Path, pattern: str, as_query: bool, context: int, jobs: int) -> Iterator[Hit | FactsProblem]:
    files = 0

    def counted() -> Iterator[tuple[str, str]]:
        nonlocal files
        for found in c_files(folder):
            files += 1
            yield found

    yield from search(pattern, counted(), as_query=as_query, context=context, jobs=jobs)
    if not files:
        todo = Reason("give_c_folder", "Give the folder that has the C code in it.")
        raise BadValue(field="folder", value=str(folder), why=Reason("holds_no_c", "holds no C files"), todo=todo)
