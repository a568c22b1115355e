"""The bundle to hand on: the chosen GGUF files with checksums, what they are made of, an Ollama Modelfile, and the report.

    NAME-Q4_K_M.gguf  NAME-Q4_K_M.gguf.sha256   `sha256sum -c` reads the latter
    version.json      data hash, run, base model, stages, figures, tool versions
    Modelfile         the very chat template the model was trained on, as Ollama's Go template (compared on frozen prompts)
    adapter/          what was trained, for vLLM: where the model is its base with an adapter that vLLM takes
    report.md  report.csv  README.md

A model that its evaluation's gates refuse, or that nobody evaluated, gets no bundle: the result says which gates. A lead may override
that with a written reason, which stays in version.json with the gates that failed. A quantized type that failed its own gate is left out.
A chat template that Ollama cannot say is no reason to lose the bundle: the Modelfile is then left out, and README and result say why.

>>> ctx.result("package")
{"name": "flowsight", "folder": "07-package/flowsight", "files": [{"name": "flowsight-Q4_K_M.gguf", "bytes": ..., "sha256": ...}, ...],
 "modelfile_problem": null, "refused": [], "override": null}
"""
from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from curation.errors import BadConfig, Reason, remade_reason
from curation.model import Model
from training import bundle, chat_template, data, gates, gguf, models, report
from training.gguf import PREFERENCE, Kind
from training.reading import read_object, read_object_if_there
from training.stage import StageContext, read_result, utc_now
from training.tuned import whole

NAME = "package"
NEEDS: tuple[str, ...] = ("quantize",)
READS = ("quantize", "evaluate")
SHIPPED = ("type", "bytes", "tensors", "fallbacks", "kl_mean", "kl_max", "same_best")  # figures of a file that version.json repeats


class Settings(Model):
    types: list[Kind] | None = Field(
        default=None, min_length=1, description="quantized files that go in, the first is Ollama's; null: the first that passed"
    )
    num_ctx: int = Field(default=8192, ge=256, description="tokens of context that Ollama reserves, at most what the model has")
    override: str | None = Field(default=None, min_length=3, max_length=2000, description="why to ship although a gate refuses")
    install: bool = Field(default=False, description="copy the bundle to ~/.flowsight/models too, in the place of one of its name")


def run(ctx: StageContext) -> dict[str, Any]:
    quantized, merged = ctx.need("quantize"), whole(ctx)
    name = quantized["name"]
    evaluation = _evaluation(ctx)
    verdict = evaluation and evaluation.get("verdict")  # a report of format 1 has none
    override = ctx.settings.override
    passed = {} if override else (verdict or {}).get("types", {})
    chosen = chosen_files(quantized, ctx.settings.types, passed)
    refused = gates.refusals(verdict) if verdict else [gates.not_evaluated()]
    if not chosen:  # the types that were asked for: others may have passed
        refused = [gate for gate in (verdict or {}).get("gates", []) if gate["passed"] is False]
    folder = ctx.stage_dir / name
    if refused and not override:
        shutil.rmtree(folder, ignore_errors=True)
        for gate in refused:
            ctx.log(f"no bundle: gate {gate['name']}: {remade_reason(gate['reason'])}")
        return {"name": name, "folder": None, "files": [], "modelfile_problem": None, "refused": refused, "override": None}
    scratch = ctx.stage_dir / f"{name}.part"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()

    hashed = {}
    for step, file in enumerate(chosen, 1):
        ctx.check_stop()
        source = ctx.path(file["file"])
        _link(source, scratch / source.name)
        hashed[source.name] = _sha256(source)
        (scratch / f"{source.name}.sha256").write_text(f"{hashed[source.name]}  {source.name}\n", encoding="utf-8")
        ctx.emit("step", step=step, total=len(chosen), doing=source.name)

    model = ctx.path(merged["model"])
    text, problem = _modelfile(ctx, model, ctx.path(chosen[0]["file"]))
    if text is not None:
        (scratch / "Modelfile").write_text(text, encoding="utf-8")
    about = {**_about(ctx, name, chosen, hashed), "refused": refused, "override": override if refused else None,
             "left_out": [kind for kind, well in passed.items() if not well]}
    (scratch / "version.json").write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if evaluation is not None:
        (scratch / "report.md").write_text(report.markdown(evaluation, quantized, about), encoding="utf-8")
        (scratch / "report.csv").write_text(report.csv_text(evaluation, quantized), encoding="utf-8")
    adapter = bundle.adapter_of(ctx)
    rank = bundle.put_adapter(adapter, scratch, bundle.base_name(ctx)) if adapter is not None else None
    vllm = bundle.readme_lines(name, bundle.base_name(ctx), rank, _context(ctx, model))
    (scratch / "README.md").write_text(_readme(name, about, problem, vllm), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(scratch, folder)

    ctx.log(f"bundle: {folder}" + (f"; no Modelfile: {problem}" if problem else ""))
    if ctx.settings.install:
        ctx.log(f"installed: {bundle.install(folder, name, replace=True)}")
    files = [{"name": f.relative_to(folder).as_posix(), "bytes": f.stat().st_size, "sha256": hashed.get(f.name) or _sha256(f)}
             for f in sorted(folder.rglob("*")) if f.is_file()]
    return {"name": name, "folder": ctx.relative(folder), "files": files, "modelfile_problem": problem, "refused": refused,
            "override": about["override"]}


def chosen_files(quantized: dict[str, Any], types: list[Kind] | None, passed: Mapping[str, bool]) -> list[dict[str, Any]]:
    """The files to ship, in the order of `types`, without those that failed their gate (`passed`: type -> whether it did not; a type that
    is not in it was not judged); [] when all did. Raises BadConfig for a type that was not made."""
    made = {file["type"]: file for file in quantized["files"]}
    if types is None:
        return [made[kind] for kind in (*PREFERENCE, "F16") if kind in made and passed.get(kind, True)][:1]
    if missing := [kind for kind in types if kind not in made]:
        raise BadConfig(where="package.types", problems=Reason(
            "type_not_made", "- package.types: {types} was not made by quantize ({made}).", types=", ".join(missing), made=", ".join(made)))
    return [made[kind] for kind in types if passed.get(kind, True)]


def _link(source: Path, target: Path) -> None:
    """The same file under a second name where the disk allows it, else a copy: these files are gigabytes."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _modelfile(ctx: StageContext, model: Path, file: Path) -> tuple[str | None, str | None]:
    """(Modelfile, None), or (None, why there is none)."""
    tokenizer = models.load_tokenizer(model)
    frozen = data.open_dataset(ctx.dataset_dir)
    prompts = [row["prompt"] for split in ("train", "test") for row in data.read_rows(frozen, "sft", split)[:50]]
    system = ctx.config.system_prompt
    plain = [data.with_system([{"role": m["role"], "content": m["content"]} for m in prompt], system) for prompt in prompts]
    adds_bos = bool(gguf.read_gguf(file).metadata.get("tokenizer.ggml.add_bos_token", False))
    try:
        template = chat_template.go_template(tokenizer, adds_bos)
        compared = chat_template.check(template, tokenizer, plain, adds_bos)
        text = chat_template.modelfile(file.name, template, _stops(model, tokenizer), _context(ctx, model), system)
    except chat_template.NoGoTemplate as err:
        return None, str(err)
    ctx.log(f"the Modelfile's template writes {compared} frozen prompts as the chat template does")
    return text, None


def _context(ctx: StageContext, model: Path) -> int:
    config = read_object(model / "config.json")
    return min(ctx.settings.num_ctx, config.get("max_position_embeddings") or ctx.settings.num_ctx)


def _stops(model: Path, tokenizer: Any) -> list[str]:
    """The end tokens as text: the tokenizer's and those of generation_config.json."""
    named = read_object_if_there(model / "generation_config.json").get("eos_token_id")
    ids = [tokenizer.eos_token_id, *(named if isinstance(named, list) else [] if named is None else [named])]
    return list(dict.fromkeys(tokenizer.convert_ids_to_tokens(i) for i in ids))


def _evaluation(ctx: StageContext) -> dict[str, Any] | None:
    found = ctx.result("evaluate")
    return read_object(ctx.path(found["report"])) if found else None


def _about(ctx: StageContext, name: str, chosen: list[dict[str, Any]], hashed: dict[str, str]) -> dict[str, Any]:
    """version.json. Absolute paths of this machine stay out."""
    manifest = read_object(ctx.run_dir / "manifest.json")
    results = {stage: read_result(folder) for stage, folder in ctx.folders.items() if stage != NAME}
    quantized = results["quantize"] or {}
    evaluation = _evaluation(ctx)
    tasks = evaluation["tasks"] if evaluation else {}
    return {
        "format": 1, "name": name, "made_at": utc_now(), "run": manifest["name"], "preset": manifest.get("preset"),
        "dataset": {"label": manifest["dataset"]["label"], "hash": manifest["dataset"]["hash"]},
        "base_model": _without_paths(manifest.get("models")), "seed": manifest["seed"], "commit": manifest.get("commit"),
        "stages": {stage: None if result is None else _numbers(result) for stage, result in results.items()},
        "figures": {task: {who: {"score": about["figures"][who]["score"], "rows": about["answered"]} for who in evaluation["models"]}
                    for task, about in tasks.items()} if evaluation else None,
        "files": [{"file": Path(file["file"]).name, "sha256": hashed[Path(file["file"]).name], **{key: file[key] for key in SHIPPED}}
                  for file in chosen],
        "same_token_ids": quantized["same_token_ids"], "versions": {**manifest["versions"], "llama.cpp": quantized["llama_cpp"]["version"]},
        "license": None,
    }


def _numbers(result: dict[str, Any]) -> dict[str, Any]:
    """A stage's plain figures and switches: no lists, no nested tables, no paths."""
    return {key: value for key, value in result.items() if isinstance(value, int | float | bool) or key in ("method", "skipped")}


def _without_paths(described: Any) -> Any:
    """The models as recorded, a local folder by its last name only."""
    if isinstance(described, dict):
        return {key: Path(value).name if key == "path" and isinstance(value, str) and Path(value).is_absolute() else _without_paths(value)
                for key, value in described.items()}
    return described


def _readme(name: str, about: dict[str, Any], problem: str | None, vllm: list[str]) -> str:
    first = about["files"][0]["file"]
    ollama = [f"    ollama create {name} -f Modelfile && ollama run {name}"]
    if problem is not None:
        ollama = [f"There is no Modelfile: Ollama cannot say this model's chat template ({problem}). llama.cpp reads the template from "
                  "the file itself:", "", f"    llama-cli -m {first} --jinja"]
    return "\n".join([
        f"# {name}", "",
        f"Trained from {about['dataset']['label']} (hash `{about['dataset']['hash']}`) in run {about['run']}; see `version.json` for base "
        "model, stages, figures and tool versions, and `report.md` for the answers before and after, where an evaluation was run.", "",
        "Check the files:", "", f"    sha256sum -c {first}.sha256", "", "Use them:", "", *ollama, "", *vllm, "",
        "## Licence", "",
        "Not decided here (`license` in `version.json` is null). The model is made from a base model and from data, and each has terms "
        "of its own. Read both, decide, and write it here before the bundle is handed on.",
    ]) + "\n"
