"""What will the next run cost, about? Rows, steps, minutes and memory of each stage that learns, before anything is loaded. No torch.

Steps are exact but for rows that turn out too long. Tokens are reckoned from the text (3.2 letters a token, 1.5 tokens a Chinese
character), minutes from one measurement: LoRA on a model of 134.5 million parameters took 116 tokens/s on two AVX2 cores, so a core makes
7.8e9 parameters times tokens a second. No minutes are given for a GPU, which was not measured, and for a random model, whose steps cost
little but overhead. Memory is what weights, gradients and optimizer need at least; activations come on top.

>>> cost(load("smollm2-135m"), Path("datasets/demo/v0001"), cores=2)[0].steps
120
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from curation.errors import Reason
from training import config
from training.model_catalog import catalog
from training.models import ModelChoice
from training.reading import damaged

LETTERS_A_TOKEN, TOKENS_A_CHARACTER = 3.2, 1.5
A_CORE = 7.8e9  # parameters times tokens a second
WORK = {"full": 1.5, "lora": 1.0, "qlora": 1.3}  # of one step, LoRA's is 1
BYTES = {"full": 16, "lora": 4.4, "qlora": 1.0}  # a parameter: float32 weights; all with gradient and two moments; 4 bits and the adapter
KINDS = {"sft": "sft", "distill": "sft", "prune": "sft", "dpo": "preference"}
COLUMNS = {"sft": ("prompt", "completion"), "preference": ("prompt", "chosen", "rejected")}


@dataclass(frozen=True)
class Cost:
    """One stage that learns. too_long: rows that are probably longer than max_length. seconds, bytes: None where it cannot be reckoned."""

    stage: str
    rows: int
    too_long: int
    steps: int
    seconds: float | None
    bytes: int | None
    tokens: float = 0.0  # of all steps
    counted: bool = False  # by the model's own tokenizer; not reckoned
    refused: bool = False  # more rows are too long than the settings allow


def with_counted(costs: list[Cost], found: Mapping[str, Any]) -> list[Cost]:
    """The costs with what a dry run counted (exact_cost.counted) in the place of sft's estimate. Its time is that of a former run where
    there is one to go by, else the estimate's for the counted tokens."""
    time, memory = found.get("time") or {}, found.get("memory")

    def counted(of: Cost) -> Cost:
        reckoned = of.seconds * found["tokens"] / of.tokens if of.seconds is not None and of.tokens else None
        return Cost("sft", found["rows"] - found["left_out"], found["left_out"], found["steps"],
                    time["seconds"] if time.get("former") else reckoned, int(memory["total"]) if memory else None,
                    tokens=found["tokens"], counted=True, refused=found["refused"])

    return [counted(of) if of.stage == "sft" else of for of in costs]


def cost(wanted: Any, dataset_dir: Path, cores: int) -> list[Cost]:
    """Of every stage that learns, in order. cores: of this machine; the configuration's `threads` wins."""
    found = []
    for stage in wanted.stages:
        settings = config.settings_of(wanted, stage)
        if stage in KINDS and hasattr(settings, "batch_size"):
            sizes = tokens_of(dataset_dir, KINDS[stage])
            kept = [size for size in sizes if size <= settings.max_length]
            a_step = settings.batch_size * settings.gradient_accumulation
            steps = settings.max_steps or max(1, round(-(-len(kept) // a_step) * settings.epochs)) if kept else 0
            choice = wanted.student if stage == "distill" and wanted.student is not None else wanted.teacher
            method = getattr(settings, "method", "lora")
            parameters = parameters_of(choice)
            tokens = steps * a_step * sum(kept) / len(kept) if kept else 0
            reckoned = parameters and wanted.device != "cuda" and choice.random is None
            seconds = tokens * parameters * WORK[method] / (A_CORE * (wanted.threads or cores)) if parameters and reckoned else None
            found.append(Cost(stage, len(kept), len(sizes) - len(kept), steps, seconds,
                              int(parameters * BYTES[method]) if parameters else None, tokens))
    return found


def parameters_of(choice: ModelChoice) -> int | None:
    """Of a model of the catalog, a local folder (by its bytes, 2 each) or a random one; None for one that is on the hub."""
    if choice.random is not None:
        random = choice.random
        a_layer = random.hidden_size * (2 * random.hidden_size + 2 * random.hidden_size * random.kv_heads // random.heads
                                        + 3 * random.intermediate_size)
        return random.vocab_size * random.hidden_size + random.layers * a_layer
    entry = catalog().get(choice.path or "")
    if entry is not None:
        return entry.parameters
    files = list(Path(choice.path or "").expanduser().glob("*.safetensors"))
    return sum(file.stat().st_size for file in files) // 2 or None


def tokens_of(dataset_dir: Path, kind: str) -> list[int]:
    """About how many tokens each row of the train split has; [] where there are none. Raises DamagedFile."""
    file = dataset_dir / kind / "train.parquet"
    return _tokens(file, file.stat().st_mtime_ns, COLUMNS[kind]) if file.is_file() else []


@lru_cache(maxsize=16)
def _tokens(file: Path, changed_ns: int, columns: tuple[str, ...]) -> list[int]:
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        return [sum(_about(message["content"]) for column in columns for message in row[column])
                for row in parquet.read_table(file, columns=list(columns)).to_pylist()]
    except (pyarrow.ArrowException, OSError, KeyError, TypeError, ValueError) as err:
        raise damaged(file, ValueError(Reason("no_parquet", "it is not Parquet ({said})", said=str(err).split("\n")[0]))) from err


def _about(text: str) -> int:
    ascii_letters = len(text.encode("ascii", errors="ignore"))
    return 4 + round(ascii_letters / LETTERS_A_TOKEN + (len(text) - ascii_letters) * TOKENS_A_CHARACTER)
