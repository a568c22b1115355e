"""In which number format does a model compute here? No torch at import time.

bfloat16 halves memory and is fast on a GPU. On a CPU it is fast only with AVX512-BF16 or AMX instructions; without them torch converts
every number (SmolLM2-135M, one LoRA step on two AVX2 cores: 6 tokens/s against 64 in float32). So `auto` looks at the processor.

>>> dtype_of("auto", "cpu")
Format(name='float32', why='...')
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from curation.errors import Reason

CPUINFO = Path("/proc/cpuinfo")
BF16_FLAGS = {"avx512_bf16", "amx_bf16"}  # x86; ARM says bf16
ARM_BF16 = "bf16"


@dataclass(frozen=True)
class Format:
    name: Literal["float32", "bfloat16"]
    why: Reason


def dtype_of(asked: Literal["auto", "float32", "bfloat16"], device: str) -> Format:
    """The format to compute in: what was asked for, or for auto what the device is fast in."""
    if asked != "auto":
        return Format(asked, Reason("dtype_asked", "the configuration says so"))
    if device == "cuda":
        import torch

        if torch.cuda.is_bf16_supported(including_emulation=False):  # an older GPU converts every number
            return Format("bfloat16", Reason("dtype_gpu", "the GPU computes in bfloat16"))
        return Format("float32", Reason("dtype_old_gpu", "this GPU has no bfloat16"))
    if has := cpu_bf16():
        return Format("bfloat16", Reason("dtype_cpu", "the processor has {flags}", flags=", ".join(has)))
    return Format("float32", Reason("dtype_plain_cpu", "the processor has neither AVX512-BF16 nor AMX, without which bfloat16 is slow"))


@cache
def cpu_bf16() -> tuple[str, ...]:
    """The processor's instructions for bfloat16, as /proc/cpuinfo names them; () for none, or where it cannot be read."""
    return bf16_flags(CPUINFO.read_text(encoding="ascii", errors="replace")) if CPUINFO.is_file() else ()


def bf16_flags(cpuinfo: str) -> tuple[str, ...]:
    """The bfloat16 instructions among the first processor's flags."""
    for line in cpuinfo.splitlines():
        name, _, flags = line.partition(":")
        if name.strip() in ("flags", "Features"):
            wanted = BF16_FLAGS if name.strip() == "flags" else {ARM_BF16}
            return tuple(sorted(wanted & set(flags.split())))
    return ()
