"""Makes a small frozen dataset folder in the layout that curation.freezing.freeze writes, from rows of our own: short questions about
made-up C code."""
from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

METRICS = {
    "function_pointer": {"targets": {"metric": "set", "key": "name"}},
    "callback_timing": {"context": {"metric": "accuracy"}, "may_sleep": {"metric": "accuracy"}},
}
NAMES = ["read", "write", "open", "close", "probe", "remove", "start", "halt", "poll", "reset"]
MESSAGE = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
SFT = pa.schema([
    *((name, pa.string()) for name in ("id", "task", "lang", "origin", "group")),
    ("prompt", MESSAGE), ("completion", MESSAGE),
    ("answer", pa.string()), ("source", pa.string()), ("file", pa.string()), ("line", pa.int64()), ("meta", pa.string()),
])
PREFERENCE = pa.schema([
    *((name, pa.string()) for name in ("id", "task", "lang", "origin", "group")),
    ("prompt", MESSAGE), ("chosen", MESSAGE), ("rejected", MESSAGE), ("meta", pa.string()),
])


def _sft_row(i: int, draw: random.Random) -> dict[str, Any]:
    verb, module = draw.choice(NAMES), f"dev{draw.randrange(30)}"
    lang = draw.choice(["en", "zh"])
    if i % 2:
        task = "function_pointer"
        ask = {"en": "Which function does the call reach? JSON key: targets.", "zh": "这个调用到达哪个函数？JSON 键：targets。"}[lang]
        code = f"// file: {module}.c\nstatic const struct ops {module}_ops = {{ .{verb} = {module}_{verb} }};\n{module}_ops.{verb}(d);"
        answer: dict[str, Any] = {"targets": [{"name": f"{module}_{verb}"}]}
        why = {"en": f"The field {verb} is set to {module}_{verb}.", "zh": f"字段 {verb} 被设为 {module}_{verb}。"}[lang]
    else:
        task = "callback_timing"
        ask = {
            "en": "Where does the callback run? JSON keys: context, may_sleep.", "zh": "回调在哪里运行？JSON 键：context, may_sleep。",
        }[lang]
        hard = draw.random() < 0.5
        how = f"request_irq({i}, {module}_{verb}, 0, 0, d);" if hard else f"INIT_WORK(&d->work, {module}_{verb});"
        code = f"// file: {module}.c\n{how}"
        answer = {"context": "hardirq" if hard else "process", "may_sleep": not hard}
        why = {"en": f"{module}_{verb} is registered there.", "zh": f"{module}_{verb} 在此注册。"}[lang]
    first_line = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    return {
        "id": f"row{i:04d}", "task": task, "lang": lang, "origin": "site", "group": f"{module}.c",
        "prompt": [{"role": "user", "content": f"{ask}\n\n{code}"}],
        "completion": [{"role": "assistant", "content": f"{first_line}\n\n{why}"}],
        "answer": first_line, "source": "made", "file": f"{module}.c", "line": 2, "meta": "{}",
    }


def _preference_row(i: int, draw: random.Random) -> dict[str, Any]:
    row = _sft_row(i, draw)
    bad = [{"role": "assistant", "content": "{}\n\nI am not able to say."}]
    return {**{k: row[k] for k in ("task", "lang", "group", "prompt", "meta")}, "id": f"pair{i:04d}", "origin": "imported",
            "chosen": row["completion"], "rejected": bad}


def write_frozen(folder: Path, *, rows: int = 120, pairs: int = 24, seed: int = 7) -> Path:
    """Writes `rows` sft rows and `pairs` preference rows (0: the config is left out), split 8:1:1, with manifest and hashes."""
    draw = random.Random(seed)
    made = {"sft": [_sft_row(i, draw) for i in range(rows)], "preference": [_preference_row(i, draw) for i in range(pairs)]}
    files: dict[str, Any] = {}
    listed: list[dict[str, Any]] = []
    for config, schema in (("sft", SFT), ("preference", PREFERENCE)):
        if not made[config]:
            continue
        (folder / config).mkdir(parents=True)
        count = len(made[config])
        cuts = {"train": (0, count * 8 // 10), "validation": (count * 8 // 10, count * 9 // 10), "test": (count * 9 // 10, count)}
        for split, (start, end) in cuts.items():
            part = made[config][start:end]
            parquet.write_table(pa.Table.from_pylist(part, schema=schema), folder / config / f"{split}.parquet")
            text = "".join(json.dumps(r, ensure_ascii=False, sort_keys=True) + "\n" for r in part)
            (folder / config / f"{split}.jsonl").write_text(text, encoding="utf-8")
            for name in (f"{config}/{split}.parquet", f"{config}/{split}.jsonl"):
                data = (folder / name).read_bytes()
                files[name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "rows": len(part)}
            for row in part:
                digest = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()
                listed.append({"id": row["id"], "config": config, "split": split, "group": row["group"], "sha256": digest})
    manifest = {
        "format": 1, "name": "made", "version": 1, "seed": seed, "options": {}, "frozen_at": "2026-01-01T00:00:00.000Z",
        "hash": hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest(),
        "tasks": {task: {"metrics": metrics, "counts": {}, "goal": None} for task, metrics in METRICS.items()},
        "files": files, "rows": listed, "groups": {}, "leaks": {}, "versions": {},
    }
    raw = json.dumps(manifest, ensure_ascii=False, sort_keys=True, indent=1).encode()
    (folder / "manifest.json").write_bytes(raw)
    (folder / "manifest.sha256").write_text(hashlib.sha256(raw).hexdigest() + "\n", encoding="utf-8")
    return folder
