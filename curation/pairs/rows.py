"""How do rows that others made come into the review queue? In each format of curation/formats, packed or not.

>>> report = import_rows(store, settings, actor, Path("alpaca_zh.jsonl"), skip_bad=True)
>>> report.added, report.format, [str(p) for p in report.problems], report.unread
(51, 'alpaca', ['alpaca_zh.jsonl, line 17: not JSON: Expecting value (column 1). Mend the line, ...'], {'note': 51})

Every bad row is reported with its line. While there is one nothing is written, unless the caller says skip_bad: then every good row
becomes an item with the filters' flags, all in one transaction. The same row again is known by its content. Rows with the same prompt share
a group, so a split never tears them apart. What a record says of its origin (ids, licence) stays with the item; unread keys are counted.
"""
from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation import filters, formats
from curation.csource.sources.decode import Undecodable, decode
from curation.errors import BadRow, BadValue, NotFound, Reason, reason_in
from curation.formats import records
from curation.model import Actor, Item, Lang, stable_id
from curation.people.access import require
from curation.settings import Settings
from curation.sourcing.archives import printable
from curation.sourcing.sources import check_root
from curation.store import Store, items
from curation.tasks import get_task
from curation.tokens import CJK

LARGEST_FILE = 512 * 2**20  # bytes: read into memory whole to find its encoding
_CJK = re.compile(f"[{CJK}]")
_WORD = re.compile(r"[A-Za-z]+")


@dataclass(frozen=True)
class RowsReport:
    """added: items made. known: rows whose item was there. format: None when the file holds no good row. problems: one a bad row. unread:
    keys that were not read, each with its rows. held: good rows that were not written because of the bad ones."""

    added: int
    known: int
    format: str | None
    problems: list[BadRow] = field(default_factory=list)
    unread: dict[str, int] = field(default_factory=dict)
    held: int = 0


def import_rows(
    store: Store, settings: Settings, actor: Actor, path: Path | str, *,
    format: str | None = None, lang: Lang | None = None, task: str = "self_instruct", seed: int = 0, skip_bad: bool = False,
    from_shell: bool = False,
) -> RowsReport:
    """Imports a file of this machine. The rest is as for import_data. Raises NotFound, and NotAllowed outside settings.import_roots
    (which bind nothing from_shell)."""
    require(actor, "reviewer", "lead", action="import rows")
    file = Path(path).expanduser()
    if not file.is_file():
        raise NotFound(kind="file", name=str(path))
    if not from_shell:
        check_root(store, settings, actor, file.resolve())
    if file.stat().st_size > LARGEST_FILE:
        raise BadValue(
            field="file", value=file.name, why=Reason("larger_than", "is larger than {most} bytes", most=LARGEST_FILE),
            todo=Reason("split_it", "Split it and import the parts."),
        )
    return import_data(
        store, settings, actor, file.read_bytes(), file.name, format=format, lang=lang, task=task, seed=seed, skip_bad=skip_bad,
    )


def import_data(
    store: Store, settings: Settings, actor: Actor, data: bytes, filename: str, *,
    format: str | None = None, lang: Lang | None = None, task: str = "self_instruct", seed: int = 0, skip_bad: bool = False,
) -> RowsReport:
    """Makes an item of each good row of a file's bytes (UTF-8, UTF-16 or GBK; Parquet).

    format: None: told by the keys. lang: of all rows; None: told for each by its share of Chinese characters. task: the pair task that
    instruction rows go to. seed: of the position (a or b, left or right) of the two answers of a preference row, recorded with it.
    skip_bad: write the good rows although there are bad ones.
    Raises UnknownFormat, and BadValue when the file cannot be decoded or `task` takes no pairs."""
    require(actor, "reviewer", "lead", action="import rows")
    if get_task(task).kind != "pair":
        raise BadValue(
            field="task", value=task, why=Reason("takes_no_rows", "takes no instruction rows"),
            todo=Reason("choose_self_instruct", "Choose self_instruct."),
        )
    filename = printable(Path(filename).name)
    found = list(_read(data, filename, format))
    good = [row for row in found if isinstance(row, formats.Row)]
    problems = [row for row in found if isinstance(row, BadRow)]
    unread = dict(Counter(key for row in good for key in row.unread))
    said = good[0].format if good else None
    if problems and not skip_bad:
        return RowsReport(0, 0, said, problems, unread, held=len(good))
    made = {item.id: item for item in _items(good, filename, task, lang, seed)}
    there = {item.id for item in items.find(store, ids=made)}
    fresh = [item for item in made.values() if item.id not in there]
    context = filters.Context(tokenizer=settings.tokenizer)
    if fresh:
        context.remember(items.find(store, tasks=sorted({item.task for item in fresh})))
    added, _ = items.add(store, filters.flag_items(fresh, context))
    return RowsReport(added, len(good) - added, said, problems, unread)


def _read(data: bytes, filename: str, format: str | None) -> Iterator[formats.Row | BadRow]:
    try:
        data, filename = records.unpack(data, filename)
        if data.startswith(b"PAR1"):
            return formats.read_records(records.parse_parquet(data, filename), filename, format)
        return formats.read(decode(data).text, filename, format)
    except (Undecodable, records.NotUnpacked) as err:
        why = err.params["why"] if isinstance(err, Undecodable) else reason_in(err)
        raise BadValue(
            field="file", value=filename, why=Reason("cannot_be_read", "cannot be read: {why}", why=why),
            todo=Reason("save_as_utf8", "Save it as UTF-8."),
        ) from err


def _items(good: Iterable[formats.Row], filename: str, task: str, lang: Lang | None, seed: int) -> Iterator[Item]:
    for row in good:
        yield _preference(row, filename, lang, seed) if row.task == "preference" else _pair(row, filename, task, lang)


def _pair(row: formats.Row, filename: str, task: str, lang: Lang | None) -> Item:
    pair = row.payload
    return Item(
        id=stable_id(task, pair["instruction"], pair["input"], pair["output"]), task=task, origin="imported",
        lang=lang or language(pair["instruction"] + pair["output"]), payload=pair,
        group=f"prompt/{stable_id(pair['instruction'], pair['input'])}",
        meta={"file": filename, "line": row.line, "format": row.format, **_about(row)},
    )


def _about(row: formats.Row) -> dict[str, Any]:
    return {**({"about": row.about} if row.about else {}), **({"thought_in_answer": True} if row.thought_in_answer else {})}


def _preference(row: formats.Row, filename: str, lang: Lang | None, seed: int) -> Item:
    prompt, chosen, rejected = (row.payload[key] for key in ("prompt", "chosen", "rejected"))
    item_id = stable_id("preference", prompt, chosen, rejected)
    drawn = random.Random(f"{seed}/{item_id}")
    better = drawn.choice("ab")
    a, b = (chosen, rejected) if better == "a" else (rejected, chosen)
    return Item(
        id=item_id, task="preference", origin="imported", lang=lang or language(prompt + chosen),
        payload={"prompt": prompt, "a": a, "b": b, "shown_first": drawn.choice("ab"), "seed": seed},
        group=f"prompt/{stable_id(prompt, '')}",
        meta={"file": filename, "line": row.line, "format": row.format, "chosen_in_file": better, **_about(row)},
    )


def language(text: str) -> Lang:
    """zh when the text has at least a third as many Chinese characters as Latin words (C code in it counts as words).

    >>> language("解释 p->run() 调用了哪个函数"), language("Explain the comment /* 打开 */ in this driver code of yours")
    ('zh', 'en')
    """
    return "zh" if 3 * len(_CJK.findall(text)) >= max(1, len(_WORD.findall(text))) else "en"
