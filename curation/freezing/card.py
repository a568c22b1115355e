"""What does a frozen dataset say about itself to those who find it? README.md with the Hub's YAML, and croissant.json.

Sources: https://huggingface.co/docs/hub/datasets-manual-configuration (configs, data_files) and the Croissant 1.0 specification,
https://docs.mlcommons.org/croissant/docs/croissant-spec.html. `datePublished` is left out: both files are to be the same on every machine.

>>> readme({"name": "flow", ...}).splitlines()[0]
'---'
"""
from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

from curation.freezing.manifest import COLUMNS, CONFIGS, MESSAGE_KEYS
from curation.freezing.split import SPLITS

_SIZES = [(1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")]
_MEANING = {
    "id": "stable id of the row", "task": "labeling task", "lang": "language of the text: en or zh",
    "origin": "site, generated or imported",
    "group": "what a split never tears apart", "prompt": "messages before the answer", "completion": "the answer to learn",
    "chosen": "the better answer", "rejected": "the worse answer", "answer": "the structured answer as JSON; null for free text",
    "source": "imported code base; null without one", "file": "file in it", "line": "line in the file, 1-based",
    "meta": "JSON: the item the row was made of; of a site its kind, its difficulty (1 to 4) and the place of each line number",
}


def readme(manifest: dict[str, Any]) -> str:
    """The dataset card of a manifest (its files need not be listed yet). Holds no date."""
    rows = sum(sum(task["counts"].values()) for task in manifest["tasks"].values())
    head = {
        **({"license": manifest["options"]["license"]} if manifest["options"]["license"] else {}),
        "language": sorted({lang for task in manifest["tasks"].values() for lang in task["langs"]}),
        "task_categories": ["text-generation"],
        "tags": ["code", "c", "callbacks", "control-flow"],
        "size_categories": [next((name for most, name in _SIZES if rows < most), "1M<n<10M")],
        "configs": [
            {
                "config_name": config, **({"default": True} if number == 0 else {}),
                "data_files": [{"split": split, "path": f"{config}/{split}.parquet"} for split in manifest["configs"][config]],
            }
            for number, config in enumerate(c for c in CONFIGS if c in manifest["configs"])
        ],
    }
    options = manifest["options"]
    lines = [
        "---", yaml.safe_dump(head, allow_unicode=True, sort_keys=False).rstrip(), "---", "",
        f"# {manifest['name']}", "",
        "How C programs really flow: which function a pointer calls, when and where a callback runs, which asynchronous mechanism is",
        "at work. Labeled and reviewed by people with FlowSight Workbench, then frozen.", "",
        "```python", "from datasets import load_dataset", "",
        *(f'{config} = load_dataset("PATH", "{config}")' for config in manifest["configs"]), "```", "",
        "## Rows", "", "| task | language | train | validation | test | minimum | wanted |", "|---|---|---:|---:|---:|---:|---:|",
        *(_count_line(name, task) for name, task in sorted(manifest["tasks"].items())), "",
        "## Split", "",
        f"{len(manifest['groups'])} groups were split as wholes, with seed {manifest['seed']}: rows of one "
        f"{'code base' if options['by'] == 'source' else 'file'}, of one prompt, of copies of one function, and near duplicates (ROUGE-L "
        f"of at least {options['near']}) stay together.",
        f"Checked on the written rows, across splits: {manifest['leaks']['exact']} equal and {manifest['leaks']['near']} nearly equal "
        "prompts.",
        "", "## Answers", "", *_answer_lines(manifest), "", "## Columns", "",
        *(f"- `{name}`: {_MEANING[name]}" for name in dict.fromkeys(n for c in manifest["configs"] for n in COLUMNS[c])), "",
        "## Hash", "", f"`{manifest['hash']}`, over the hashes of all rows and the options; `manifest.json` has each row's and file's.", "",
    ]
    return "\n".join(lines)


def _count_line(name: str, task: dict[str, Any]) -> str:
    minimum, wanted = task["goal"] or ("", "")
    counts = " | ".join(str(task["counts"].get(split, 0)) for split in SPLITS)
    return f"| {name} | {', '.join(task['langs'])} | {counts} | {minimum} | {wanted} |"


_COMPLETION = {
    "answer": "A completion is the answer as one line of JSON.",
    "short": "A completion is the answer as one line of JSON and the reason in a sentence or two.",
    "full": "A completion is the answer as one line of JSON and an explanation.",
}


def _answer_lines(manifest: dict[str, Any]) -> list[str]:
    """What the completions hold, what was left out because the prompt does not show it, and how even the set is."""
    options = manifest["options"]
    budget = f"at most {options['excerpt_tokens']} tokens" if options["excerpt_tokens"] else "as it was made when the site was proposed"
    lines = [
        _COMPLETION[options["completion"]], f"The code in a prompt is an excerpt: {budget}. An answer names nothing that its excerpt",
        "does not show; a number before a line is its name in the answer.", "",
    ]
    for name, task in sorted(manifest["tasks"].items()):
        hidden = task["left_out"].get("not_shown", 0)
        if task["answered"] and (hidden or task["trimmed"]):
            lines.append(f"- {name}: of {task['answered']} answers {task['trimmed']} were shortened to what is shown, {hidden} left out.")
        lines += [
            f"- {name}: the largest {cap} is `{of['value']}` with {of['after']} of {task['items']} items (before the caps {of['before']})."
            for cap, of in sorted(task["largest"].items()) if cap in ("class", "source")
        ]
    return lines


def croissant(folder: Path, manifest: dict[str, Any]) -> str:
    """Croissant 1.0 metadata of the Parquet files already written in `folder`."""
    files, records = [], []
    for config in manifest["configs"]:
        for split in manifest["configs"][config]:
            path = f"{config}/{split}.parquet"
            files.append({
                "@type": "cr:FileObject", "@id": path, "name": path, "contentUrl": path, "encodingFormat": "application/x-parquet",
                "contentSize": f"{(folder / path).stat().st_size} B", "sha256": hashlib.sha256((folder / path).read_bytes()).hexdigest(),
            })
            records.append({
                "@type": "cr:RecordSet", "@id": f"{config}-{split}", "name": f"{config}-{split}",
                "field": [_field(config, split, path, column) for column in COLUMNS[config]],
            })
    about = {
        "@context": _CONTEXT, "@type": "sc:Dataset", "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": manifest["name"], "description": "How C programs flow: function pointers, callbacks and asynchronous mechanisms, labeled.",
        **({"license": manifest["options"]["license"]} if manifest["options"]["license"] else {}),
        "version": f"{manifest['version']}.0.0", "distribution": files, "recordSet": records,
    }
    return json.dumps(about, ensure_ascii=False, indent=1) + "\n"


def _field(config: str, split: str, path: str, column: str) -> dict[str, Any]:
    field: dict[str, Any] = {"@type": "cr:Field", "@id": f"{config}-{split}/{column}", "name": column, "description": _MEANING[column]}
    source = {"fileObject": {"@id": path}, "extract": {"column": column}}
    if column in MESSAGE_KEYS[config]:
        field |= {"repeated": True, "source": source, "subField": [
            {"@type": "cr:Field", "@id": f"{field['@id']}/{key}", "name": key, "dataType": "sc:Text",
             "source": {**source, "transform": {"jsonPath": key}}}
            for key in ("role", "content")
        ]}
    else:
        field |= {"dataType": "sc:Integer" if column == "line" else "sc:Text", "source": source}
    return field


_CONTEXT = {
    "@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/", "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/", "dct": "http://purl.org/dc/terms/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract", "field": "cr:field", "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject", "fileSet": "cr:fileSet", "format": "cr:format", "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath", "key": "cr:key", "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path",
    "recordSet": "cr:recordSet", "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField", "transform": "cr:transform",
}
