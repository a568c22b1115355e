"""`models`: which untuned models are at hand; fetch, show and remove them."""
from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from curation.errors import NotFound
from training import model_store
from training.commands import Subcommands, declare
from training.model_catalog import catalog
from training.model_sources import Progress

ORDER = 15


def add(commands: Subcommands) -> None:
    parser = declare(commands, "models", _list, "The untuned models: list, get, show, remove. Without a word: list.",
                     "get smollm2-135m", "get owner/name", "get /models/mine --name mine", "get mine.Q8_0.gguf --name mine",
                     "show smollm2-135m")
    actions = parser.add_subparsers(dest="action", metavar="list | get | show | remove")
    listed = actions.add_parser("list", help="what the catalog offers and what is in the store")
    listed.add_argument("--json", action="store_true", help="as one JSON object")
    listed.set_defaults(run=_list)
    got = actions.add_parser("get", help="fetch or import one; nothing to do when it is there")
    got.add_argument("source", help="a name of the catalog, a hub name (owner/name), a model folder, or a GGUF file")
    got.add_argument("--name", help="what a model of your own is called in the store")
    got.add_argument("--copy", action="store_true", help="copy a folder or GGUF file (default: link to it)")
    got.add_argument("--revision", help="of a hub model (default: its newest)")
    got.set_defaults(run=_get)
    for name, run, help in (("show", _show, "where it came from, its licence, and whether it is still the same"),
                            ("remove", _remove, "take one out of the store")):
        one = actions.add_parser(name, help=help)
        one.add_argument("name")
        one.set_defaults(run=run)


def _list(given: argparse.Namespace) -> int:
    here, offered = model_store.installed(), catalog()
    if getattr(given, "json", False):
        print(json.dumps({"store": str(model_store.store_dir()), "catalog": [entry.model_dump() for entry in offered.values()],
                          "installed": [{**asdict(one), "folder": str(one.folder)} for one in here.values()]}, indent=2))
        return 0
    for name in sorted({*here, *offered}):
        entry, stored = offered.get(name), here.get(name)
        about = stored.record if stored and stored.record else {}
        license_ = entry.license if entry else about.get("license") or "licence not known"
        size = f"{stored.bytes / 1e6:.0f} MB here" if stored else f"{entry.wheel.bytes / 1e6:.0f} MB to fetch" if entry else ""
        origin = entry.title if entry else f"from {about.get('asked', 'somewhere unknown')}"
        print(f"{name:24} {size:18} {license_:20} {origin}")
    return 0


def _get(given: argparse.Namespace) -> int:
    shown = ""

    def tell(now: Progress) -> None:
        nonlocal shown
        whole = f" {100 * now.done // now.total} %" if now.total else ""
        line = f"{now.doing}{whole}"
        if line != shown and sys.stderr.isatty():
            print(f"\r{line:40}", end="\n" if now.done == now.total else "", file=sys.stderr, flush=True)
        shown = line

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    print(model_store.get(given.source, given.name, say=say, progress=tell, copy=given.copy, revision=given.revision))
    return 0


def _show(given: argparse.Namespace) -> int:
    """Exit code 1 when a file is no longer what the record says."""
    stored, entry = model_store.installed().get(given.name), catalog().get(given.name)
    if stored is None and entry is None:
        raise NotFound(kind="model in the store or the catalog", name=given.name)
    if stored is None:
        assert entry is not None
        print(json.dumps({"name": given.name, "installed": False, **entry.model_dump()}, indent=2))
        return 0
    changed = model_store.changed(stored)
    print(json.dumps({"name": given.name, "installed": True, "folder": str(stored.folder), "bytes": stored.bytes, "changed": changed,
                      "record": stored.record}, indent=2, ensure_ascii=False))
    return 1 if changed else 0


def _remove(given: argparse.Namespace) -> int:
    model_store.remove(given.name)
    print(f"{Path(model_store.store_dir()) / given.name} is removed")
    return 0
