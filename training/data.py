"""What is in a frozen dataset folder, and which tokens of a row are learned? No torch here.

A folder is refused whole when one byte of it differs from its manifest. Rows are TRL's conversational prompt/completion (config `sft`)
and prompt/chosen/rejected (config `preference`); only the completion is learned, up to and including the token that ends the turn.

>>> dataset = open_dataset(Path("datasets/demo/v0001"))
>>> rows = read_rows(dataset, "sft", "train")
>>> encode(tokenizer, rows[0]["prompt"], rows[0]["completion"]).labels[:3]    # the prompt is not learned
[-100, -100, -100]
"""
from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from curation.errors import NotFound, Reason, TouchedDataset, UserError, reason_in
from training.reading import damaged, parse_object, read_bytes

Split = Literal["train", "validation", "test"]
Message = dict[str, str]  # {"role", "content"}
IGNORED = -100  # the label of a token that is not learned (torch's cross_entropy default)
BREAK = "\uf8ff"  # a private-use character: where a special token's text in a content is broken; never tokenized
CONTROL_FORM = re.compile(r"<\S+>|\[\S+\]")  # what an added token that is not marked special looks like if it controls something
OPEN_THOUGHT = re.compile(r"<think>\s*\Z")
THOUGHT = re.compile(r"(<think>\s*).*?</think>", re.DOTALL)
CLOSING = "\n</think>\n\n"
NO_THOUGHT = "<think>\n" + CLOSING  # how Qwen3 and DeepSeek-R1 write an answer without a thought


class NoRows(UserError):
    code = "no_rows"
    text = (
        "The {split} split has no row to train on ({left_out} rows are longer than {max_length} tokens). "
        "Raise max_length, or freeze more or shorter rows."
    )


class BadTemplate(UserError):
    code = "bad_template"
    text = "The chat template of this model cannot be trained on: {why}. Give the model another chat template, or choose another model."


@dataclass(frozen=True)
class Dataset:
    """A frozen version that was compared with its manifest. hash: the version's content hash, the same on every machine."""

    path: Path
    manifest: dict[str, Any]

    @property
    def hash(self) -> str:
        return self.manifest["hash"]

    def count(self, config: str, split: Split) -> int:
        entry = self.manifest["files"].get(f"{config}/{split}.parquet")
        return entry["rows"] if entry else 0


@dataclass(frozen=True)
class Encoded:
    """One row as the model reads it. labels: input_ids where they are learned, -100 elsewhere; same length."""

    input_ids: list[int]
    labels: list[int]

    @property
    def start(self) -> int:
        """The index of the first token that is learned: the length of the prompt."""
        return next((i for i, label in enumerate(self.labels) if label != IGNORED), len(self.labels))


def open_dataset(path: Path) -> Dataset:
    """Reads the manifest and compares every file it names by SHA-256. Raises NotFound without a manifest, TouchedDataset when the
    manifest, a file's bytes, or the list of data files is not what was frozen."""
    if not (path / "manifest.json").is_file():
        raise NotFound(kind="frozen dataset (a folder with manifest.json)", name=str(path))
    try:
        manifest = _sealed_manifest(path)
        for name, entry in manifest["files"].items():
            file = path / name
            if not file.resolve().is_relative_to(path.resolve()):
                raise ValueError(Reason("file_outside", "its manifest names {file}, which lies outside of the folder", file=name))
            if not file.is_file():
                raise ValueError(Reason("file_missing", "{file} is missing", file=name))
            if _sha256(file) != entry["sha256"]:
                raise ValueError(Reason("file_changed", "{file} was changed", file=name))
        for file in sorted(path.glob("*/*.parquet")):
            if file.relative_to(path).as_posix() not in manifest["files"]:
                raise ValueError(Reason("file_added", "{file} was added", file=file.relative_to(path).as_posix()))
    except ValueError as err:
        raise TouchedDataset(where=str(path), why=reason_in(err)) from err
    except (OSError, RuntimeError) as err:  # no right to read it, a disk error, a ring of links
        why = Reason("file_not_readable", "it cannot be read ({said})", said=getattr(err, "strerror", None) or str(err))
        raise TouchedDataset(where=str(path), why=why) from err
    return Dataset(path=path, manifest=manifest)


def _sealed_manifest(path: Path) -> dict[str, Any]:
    """The manifest with what is read of it later in its right types. Raises ValueError with a Reason."""
    raw = read_bytes(path / "manifest.json")
    seal = read_bytes(path / "manifest.sha256").split()[:1] if (path / "manifest.sha256").is_file() else []
    if seal != [hashlib.sha256(raw).hexdigest().encode()]:
        raise ValueError(Reason("seal_broken", "manifest.json does not have the hash in manifest.sha256"))
    manifest = parse_object(raw)
    for key, kind in (("name", str), ("version", int), ("hash", str), ("files", dict), ("tasks", dict)):
        if not isinstance(manifest.get(key), kind) or isinstance(manifest[key], bool):
            raise ValueError(Reason("manifest_key", "manifest.json has no {key!r}, or one of a wrong type", key=key))
    for key, entries in (("files", manifest["files"]), ("tasks", manifest["tasks"])):
        for name, entry in entries.items():
            if "\0" in name or not isinstance(entry, dict) or not _entry_fits(key, entry):
                raise ValueError(Reason("manifest_entry", "the entry {name!r} of {key!r} in manifest.json is wrong", name=name, key=key))
    return manifest


def _entry_fits(key: str, entry: dict[str, Any]) -> bool:
    if key == "files":
        rows = entry.get("rows")
        return isinstance(entry.get("sha256"), str) and (rows is None or type(rows) is int and rows >= 0)
    metrics = entry.get("metrics", {})
    return isinstance(metrics, dict) and all(isinstance(field, dict) and isinstance(field.get("metric"), str) for field in metrics.values())


def _sha256(file: Path) -> str:
    with open(file, "rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def read_rows(dataset: Dataset, config: Literal["sft", "preference"], split: Split) -> list[dict[str, Any]]:
    """The rows as plain dicts, in the frozen order; [] where the dataset has no such config or split. `answer` and `meta`
    stay JSON text."""
    if not dataset.count(config, split):
        return []
    import pyarrow
    import pyarrow.parquet as parquet

    file = dataset.path / config / f"{split}.parquet"
    try:
        return parquet.read_table(file).to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError) as err:
        raise damaged(file, ValueError(Reason("no_parquet", "it is not Parquet ({said})", said=str(err).split("\n")[0]))) from err


# ---- the chat template: what is asked, and what is learned after it ----


def prompt_text(tokenizer: Any, prompt: list[Message], system: str | None = None) -> str:
    """The prompt exactly as the model is asked: by the chat template, ready for the answer. Where the family's template opens a thought
    (DeepSeek-R1: `<think>`), the thought is closed empty, as the family writes an answer without one; Qwen3's template does it itself.

    Whoever sends tokens should take `prompt_ids`: in this text a `<|im_end|>` of the source code reads like the template's own."""
    return _asked(tokenizer, prompt, system).replace(BREAK, "")


def prompt_ids(tokenizer: Any, prompt: list[Message], system: str | None = None) -> list[int]:
    """The prompt as tokens: those that every training row begins with. Special tokens that stand in a message's content come as plain
    characters, so no source text can end a turn. What is asked by evaluate and serve; llama.cpp's /completion takes such a list."""
    return prompt_batch(tokenizer, [prompt], system)[0]


def prompt_batch(tokenizer: Any, prompts: Sequence[list[Message]], system: str | None = None) -> list[list[int]]:
    """`prompt_ids` of many prompts with one call of the tokenizer."""
    return _tokens(tokenizer, [_asked(tokenizer, prompt, system) for prompt in prompts])


def encode(tokenizer: Any, prompt: list[Message], completion: list[Message], system: str | None = None) -> Encoded:
    """Tokenizes a row by the tokenizer's chat template: `prompt_ids`, then what is learned, up to and including the token that ends the
    turn (appended where the template writes none). The same tokens as TRL 1.16's SFTTrainer wherever the template writes the answer right
    behind what it asks with."""
    return encode_batch(tokenizer, [(prompt, completion)], system)[0]


def encode_batch(tokenizer: Any, rows: Sequence[tuple[list[Message], list[Message]]], system: str | None = None) -> list[Encoded]:
    """`encode` of many rows with two calls of the tokenizer."""
    texts = [_asked_and_whole(tokenizer, prompt, completion, system) for prompt, completion in rows]
    asked = _tokens(tokenizer, [pair[0] for pair in texts])
    whole = _tokens(tokenizer, [pair[0] + pair[1] for pair in texts])
    alone = _tokens(tokenizer, [pair[1] for pair in texts]) if any(w[: len(a)] != a for a, w in zip(asked, whole, strict=True)) else []
    encoded = []
    for i, (start, ids) in enumerate(zip(asked, whole, strict=True)):
        if ids[: len(start)] != start:  # a merge across the border: nothing is asked by such tokens
            ids = start + alone[i]
        if tokenizer.eos_token_id not in ids[len(start) :]:
            ids = [*ids, tokenizer.eos_token_id]
        encoded.append(Encoded(input_ids=ids, labels=[IGNORED] * len(start) + ids[len(start) :]))
    return encoded


def _asked(tokenizer: Any, prompt: list[Message], system: str | None) -> str:
    """The text that is asked, its special tokens in contents broken by BREAK."""
    return _closed(_render(tokenizer, with_system(_broken(tokenizer, prompt), system), True))


def _asked_and_whole(tokenizer: Any, prompt: list[Message], completion: list[Message], system: str | None) -> tuple[str, str]:
    """(what is asked, what is learned behind it). A completion that brings a thought of its own goes on from the opened thought."""
    messages = with_system(_broken(tokenizer, prompt), system)
    answer = _broken(tokenizer, completion, keep=("<think>", "</think>"))
    asked, whole = _render(tokenizer, messages, True), _render(tokenizer, messages + answer)
    content = answer[-1]["content"].strip()
    thought = THOUGHT.match(content)
    if OPEN_THOUGHT.search(asked):
        behind = content[thought.end(1) :].lstrip() if thought else content
        asked = asked if thought else _closed(asked)
        content = behind if thought else content
    elif thought and asked.endswith(NO_THOUGHT):
        asked = asked.removesuffix(NO_THOUGHT)
    if whole.startswith(asked):
        return asked, whole[len(asked) :]
    said = content.rpartition("</think>")[2].strip()  # R1's template drops the thought of an answer
    at = whole.rfind(said)
    if at < 0 or not said:
        raise BadTemplate(why=Reason("answer_lost", "it does not write the answer {said!r} as it is given", said=said[:60]))
    before = _shared_length(asked, whole)
    if OPEN_THOUGHT.sub("", asked[before:].removesuffix(CLOSING)).strip() or whole[before:at].strip():
        raise BadTemplate(why=Reason(
            "asks_otherwise", "it asks with {asked!r} and writes a given answer behind {written!r}",
            asked=asked[max(0, before - 20) :][:80], written=whole[max(0, before - 20) : at][:80],
        ))
    return asked, content + whole[at + len(said) :]


def _closed(asked: str) -> str:
    return asked + CLOSING if OPEN_THOUGHT.search(asked) else asked


def _shared_length(a: str, b: str) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def with_system(prompt: list[Message], system: str | None) -> list[Message]:
    """The prompt under the configuration's system prompt; a system message of the row's own stays as it is."""
    own = bool(prompt) and prompt[0]["role"] == "system"
    return prompt if system is None or own else [{"role": "system", "content": system}, *prompt]


def _broken(tokenizer: Any, messages: list[Message], keep: tuple[str, ...] = ()) -> list[Message]:
    """The messages with a BREAK behind the first character of each control token's text: both halves are then tokenized as the plain
    characters that they are. Nothing changes in a content without such a text."""
    control = _control_tokens(tokenizer, len(tokenizer), keep)
    plain = []
    for message in messages:
        content = message["content"].replace(BREAK, "")
        if control is not None:
            content = control.sub(lambda found: found[0][0] + BREAK + found[0][1:], content)
        plain.append({"role": message["role"], "content": content})
    return plain


@lru_cache(maxsize=8)
def _control_tokens(tokenizer: Any, size: int, keep: tuple[str, ...]) -> re.Pattern[str] | None:
    """Finds the tokenizer's special tokens, and added ones in brackets (Qwen's `<tool_call>`), by their text. size: its length, so that
    one that has grown is looked at again."""
    added = getattr(tokenizer, "added_tokens_decoder", {})
    texts = {str(token) for token in added.values() if token.special or CONTROL_FORM.fullmatch(str(token))}
    texts = {text for text in texts if len(text) > 1 and text not in keep}
    return re.compile("|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))) if texts else None


def _render(tokenizer: Any, messages: list[Message], add_generation_prompt: bool = False) -> str:
    """By the chat template. enable_thinking is Qwen3's switch; other templates do not look at it."""
    from jinja2.exceptions import TemplateError

    try:
        return tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=add_generation_prompt, enable_thinking=False
        )
    except TemplateError as err:
        roles = ", ".join(message["role"] for message in messages)
        why = Reason("template_refuses", "it refuses the roles {roles} ({said})", roles=roles, said=str(err)[:200])
        raise BadTemplate(why=why) from err


def _tokens(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    """Each text's tokens; pieces between BREAKs are tokenized by themselves."""
    pieces = [text.split(BREAK) for text in texts]
    flat = [piece for parts in pieces for piece in parts if piece]
    ids = iter(tokenizer(flat, add_special_tokens=False)["input_ids"] if flat else [])
    return [[token for piece in parts if piece for token in next(ids)] for parts in pieces]


def lengths(encoded: list[Encoded]) -> dict[str, int]:
    """Row lengths in tokens: count, total, learned (labels that count), shortest, median, p95, longest. {"rows": 0} for no row."""
    if not encoded:
        return {"rows": 0}
    sizes = sorted(len(row.input_ids) for row in encoded)
    return {
        "rows": len(sizes),
        "total": sum(sizes),
        "learned": sum(label != IGNORED for row in encoded for label in row.labels),
        "shortest": sizes[0],
        "median": sizes[len(sizes) // 2],
        "p95": sizes[min(len(sizes) - 1, len(sizes) * 95 // 100)],
        "longest": sizes[-1],
    }


def marked(tokenizer: Any, row: Encoded) -> str:
    """The row decoded, the learned part between ⟦ and ⟧: what `inspect-data` shows."""
    parts: list[str] = []
    for learned, places in groupby(range(len(row.labels)), key=lambda i: row.labels[i] != IGNORED):
        text = tokenizer.decode([row.input_ids[i] for i in places])
        parts.append(f"⟦{text}⟧" if learned else text)
    return "".join(parts)
