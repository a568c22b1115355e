"""The tuned model as GGUF files, F16 and quantized by llama.cpp, each loaded again and measured against the Hugging Face model.

llama.cpp's own converter writes F16; its own quantizer makes the others. Then every file is asked the same as the HF model in float32: the
KL divergence of the next-token distributions, KL(HF || file), over the last prompt positions and the HF model's greedy answer, and
whether its own greedy answer would be the same: it is where each token of that answer, and the end after it, is the file's likeliest
one too. A mean above `max_kl` nats a token is no loss by quantization but a broken file, and
the run stops. The tokenizer in the file must cut the prompts into the same ids.

What is stored is read back from the file: K-quants need rows in multiples of 256 (deepseek-coder-1.3b's 5504 are not), others fall back
to a larger type in silence; it is reported which tensors did. Tiny model, measured: F16 2e-7, Q8_0 1e-5, Q4_K_M 2e-4, Q4_0 4e-4.

>>> ctx.result("quantize")["files"][3]["type"], ctx.result("quantize")["files"][3]["tensors"]
('Q4_K_M', {'F32': 5, 'Q4_K': 13, 'Q6_K': 3})
"""
from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from curation.errors import Reason, RunFailed
from curation.model import Model
from training import converted, data, gguf, models, tools
from training.gguf import Kind
from training.stage import StageContext
from training.tuned import whole

NAME = "quantize"
NEEDS: tuple[str, ...] = ()
CONTEXT = 64  # prompt positions before the answer that are compared too
# Tokens of a prompt that is compared; a longer one is compared by its last ones. The score is evaluate's to measure. The last CONTEXT
# places and the answer are compared: what stands before them is context, and costs time in each file.
LONGEST = 128
CHUNK = 16  # positions that are compared at once: 16 of a vocabulary of 152,000 are 20 MB in float64



class Settings(Model):
    name: str = Field(default="flowsight", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="begins the names of files and bundle")
    types: list[Kind] = Field(
        default=["Q8_0", "Q5_K_M", "Q4_K_M", "Q4_0"], min_length=1, description="made beside F16; each is scored where evaluate is a stage"
    )
    compare_prompts: int = Field(default=4, ge=1, description="frozen prompts on which the files are compared with the unquantized model")
    compare_tokens: int = Field(default=32, ge=1, description="tokens of each answer that are compared")
    max_kl: dict[Literal[16, 8, 6, 5, 4, 3, 2], float] = Field(
        default={16: 0.01, 8: 0.05, 6: 0.1, 5: 0.3, 4: 1.0, 3: 2.0, 2: 4.0},
        description="a file further away than this is refused: nats a token (mean) by its number of bits",
    )


@dataclass
class Asked:
    """One prompt with the HF model's answer. tokens: prompt and answer; first: the first compared position; answer: without its end
    token; logits: float32 [positions, vocabulary]."""

    id: str
    tokens: list[int]
    first: int
    prompt_tokens: list[int]
    answer: list[int]
    logits: Any


def run(ctx: StageContext) -> dict[str, Any]:
    settings: Settings = ctx.settings
    folder = ctx.path(whole(ctx)["model"])
    llama = tools.ensure(say=ctx.log)
    threads = ctx.config.threads or sensible_threads(folder)
    kinds = ["F16", *settings.types]
    total = len(kinds) + 1
    ctx.emit("step", step=0, total=total, doing="HF model")
    tokenizer = models.load_tokenizer(folder)
    rows = _rows(ctx)
    prompts = [(row["id"], data.prompt_ids(tokenizer, row["prompt"], ctx.config.system_prompt)) for row in rows]
    asked = reference(folder, tokenizer, prompts, settings.compare_tokens, models.device_of(ctx.config.device))

    files, f16 = [], ctx.stage_dir / f"{settings.name}-F16.gguf"
    for step, kind in enumerate(kinds, 1):
        ctx.check_stop()
        ctx.emit("step", step=step, total=total, doing=kind)
        file = ctx.stage_dir / f"{settings.name}-{kind}.gguf"
        if not file.is_file() and kind == "F16":
            converted.convert(llama, folder, file)
        elif not file.is_file():
            gguf.quantize(llama, f16, file, kind, threads)
        if kind == "F16":
            texts = [data.prompt_text(tokenizer, row["prompt"], ctx.config.system_prompt) for row in rows]
            same_ids = _check_tokenizer(ctx, llama, file, tokenizer, texts)
        measured = {"type": kind, "file": ctx.relative(file), **stored(file, kind),
                    **compare(llama, file, asked, tokenizer, settings.compare_tokens, threads)}
        ctx.log(f"{kind}: {measured['bytes']:,} bytes, KL {measured['kl_mean']:.2e} a token, "
                f"same greedy answer {measured['same_answers']}/{measured['prompts']}")
        _refuse_absurd(ctx, file, kind, measured, settings)
        files.append(measured)
    ctx.emit("step", step=total, total=total)
    return {"name": settings.name, "files": files, "prompts": len(asked), "positions": files[0]["positions"],
            "same_token_ids": same_ids, "llama_cpp": {"origin": llama.origin, "version": llama.version}}


def sensible_threads(model: Path) -> int:
    """One thread for each 200 MB of weights, at most one a core. llama.cpp's threads spin while they wait for each other: on a busy
    machine with 2 cores a tiny model was measured 15 to 50 times slower with 2 threads than with 1."""
    weights = sum(file.stat().st_size for file in model.glob("*.safetensors"))
    return max(1, min(os.cpu_count() or 1, weights // 200_000_000))


def _rows(ctx: StageContext) -> list[dict[str, Any]]:
    """The rows to compare: of the test split, else validation, else train; tasks take turns."""
    frozen = data.open_dataset(ctx.dataset_dir)
    splits: tuple[data.Split, ...] = ("test", "validation", "train")
    rows = next((found for split in splits if (found := data.read_rows(frozen, "sft", split))), [])
    turn: dict[str, int] = {}
    order = []
    for row in rows:
        turn[row["task"]] = turn.get(row["task"], 0) + 1
        order.append((turn[row["task"]], row["task"], row["id"], row))
    order.sort(key=lambda r: r[:3])
    return [row for _, _, _, row in order[: ctx.settings.compare_prompts]]


def reference(folder: Path, tokenizer: Any, prompts: list[tuple[str, list[int]]], max_new: int, device: str) -> list[Asked]:
    """What the HF model in float32 answers greedily, and its logits. prompts: (row id, token ids), of which the last LONGEST are taken."""
    import torch
    from transformers import GenerationConfig

    model = models.load_model(folder, device=device, dtype="float32")
    ends = models.end_tokens(model, tokenizer)
    greedy = GenerationConfig(do_sample=False, num_beams=1, max_new_tokens=max_new, eos_token_id=ends, pad_token_id=tokenizer.pad_token_id)
    cut = [prompt_ids[-LONGEST:] for _, prompt_ids in prompts]
    tokenizer.padding_side = "left"
    batch = tokenizer.pad({"input_ids": cut}, return_tensors="pt").to(device)
    asked = []
    with torch.inference_mode():
        made = model.generate(**batch, generation_config=greedy)[:, batch["input_ids"].shape[1] :].tolist()
        for (row_id, _), prompt, said in zip(prompts, cut, made, strict=True):
            answer = said[: next((i for i, token in enumerate(said) if token in ends), None)]
            tokens = prompt + answer
            first = max(0, len(prompt) - CONTEXT)
            logits = model(input_ids=torch.tensor([tokens], device=device)).logits[0, first:].float().cpu().numpy()
            asked.append(Asked(row_id, tokens, first, prompt, answer, logits))
    return asked


def stored(file: Path, kind: str) -> dict[str, Any]:
    """What the file really holds: bytes, tensors and bytes by type, and the tensors that fell back ({name, type, row})."""
    read = gguf.read_gguf(file)
    block = 1 if kind == "F16" else 256 if "_K" in kind else 32
    fallen = [{"name": t.name, "type": t.type, "row": t.shape[0]} for t in read.tensors if len(t.shape) > 1 and t.shape[0] % block]
    kinds = sorted({t.type for t in read.tensors})
    return {"bytes": file.stat().st_size, "tensors": {k: sum(t.type == k for t in read.tensors) for k in kinds},
            "bytes_by_type": read.bytes_by_type, "fallbacks": fallen}


def compare(llama: tools.LlamaCpp, file: Path, asked: list[Asked], tokenizer: Any, max_new: int, threads: int) -> dict[str, Any]:
    """The file against the HF model: KL(HF || file) a token in nats, share of positions with the same best token, and for each prompt
    whether the greedy answer is the same (to the HF model's end, or to `max_new` tokens). Row by row, as sums."""
    divergence, largest, same, positions, answers = 0.0, 0.0, 0, 0, []
    answered = gguf.logits(llama, file, [(one.tokens, one.first) for one in asked], threads, file.with_name("logits.bin"))
    for one, theirs in zip(asked, answered, strict=True):
        ours = one.logits[:, : theirs.shape[1]]  # a converter may pad, never shorten; both are the model's vocabulary
        theirs = theirs[:, : ours.shape[1]]
        best = ours.argmax(axis=1) == theirs.argmax(axis=1)
        for at in range(0, len(ours), CHUNK):
            far = kl(ours[at : at + CHUNK], theirs[at : at + CHUNK])
            divergence, largest = divergence + float(far.sum()), max(largest, float(far.max()))
        same, positions = same + int(best.sum()), positions + len(best)
        begins = len(one.prompt_tokens) - 1 - one.first  # the position that says the answer's first token
        answers.append({"id": one.id, "hf": tokenizer.decode(one.answer), "same": bool(best[begins : begins + max_new].all())})
    return {"kl_mean": divergence / positions, "kl_max": largest, "positions": positions, "same_best": same / positions,
            "prompts": len(asked), "same_answers": sum(answer["same"] for answer in answers), "answers": answers}


def kl(ours: Any, theirs: Any) -> Any:
    """KL(softmax(ours) || softmax(theirs)) of each row in nats, in float64; never below 0 but for rounding, which is cut."""
    import numpy as np

    p, q = (x.astype(np.float64) - x.max(axis=1, keepdims=True) for x in (ours, theirs))
    log_p, log_q = (x - np.log(np.exp(x).sum(axis=1, keepdims=True)) for x in (p, q))
    return np.maximum((np.exp(log_p) * (log_p - log_q)).sum(axis=1), 0.0)


def _check_tokenizer(ctx: StageContext, llama: tools.LlamaCpp, file: Path, tokenizer: Any, texts: list[str]) -> str:
    """"n/m": prompts, as text, that llama.cpp cuts into the same ids as the model's own tokenizer (special tokens that stand in a content
    are control tokens to both here). Raises RunFailed when it is none of them."""
    ours = tokenizer(texts, add_special_tokens=False)["input_ids"]
    same = sum(a == b for a, b in zip(gguf.tokenize(llama, file, texts), ours, strict=True))
    if same < len(texts):
        ctx.log(f"llama.cpp cuts {len(texts) - same} of {len(texts)} prompts into other tokens than the model was trained on")
    if same == 0:
        raise RunFailed(
            where=ctx.run_dir.name, why=Reason("tokens_differ", "llama.cpp reads no prompt as the tokens the model was trained on"),
            todo=Reason("choose_known_base", "The tokenizer is not one llama.cpp can follow; choose a base model it knows."),
        )
    return f"{same}/{len(texts)}"


def _refuse_absurd(ctx: StageContext, file: Path, kind: str, measured: dict[str, Any], settings: Settings) -> None:
    """Removes the file and raises RunFailed when it is too far away; a resumed stage makes it anew."""
    bits = 16 if kind == "F16" else int(kind[1])
    limit = settings.max_kl.get(bits, Settings.model_fields["max_kl"].default[bits])  # type: ignore[call-overload]
    if not measured["kl_mean"] <= limit:  # not a number is refused too
        file.unlink()
        far = Reason("far_away", "{type} is {kl:.3g} nats a token away from the HF model (limit {limit})",
                     type=kind, kl=measured["kl_mean"], limit=limit)
        raise RunFailed(where=ctx.run_dir.name, why=far, todo=Reason(
            "too_coarse", "The file is broken, or the type too coarse for this model: drop it, or raise quantize.max_kl if that is meant."))
