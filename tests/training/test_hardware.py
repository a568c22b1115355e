"""The number format is the one asked for, or what the processor has."""
from __future__ import annotations

from typing import Any

from training import hardware


def test_the_number_format_is_the_one_asked_for_or_what_the_processor_has(monkeypatch: Any) -> None:
    assert hardware.bf16_flags("flags\t\t: fpu avx2 avx512_bf16 amx_bf16\n") == ("amx_bf16", "avx512_bf16")
    assert hardware.bf16_flags("flags : fpu avx2\n") == () and hardware.bf16_flags("Features : fp bf16\n") == ("bf16",)
    assert hardware.dtype_of("bfloat16", "cpu").name == "bfloat16" and hardware.dtype_of("float32", "cuda").name == "float32"
    for has, name in (((), "float32"), (("avx512_bf16",), "bfloat16")):
        monkeypatch.setattr(hardware, "cpu_bf16", lambda has=has: has)
        assert hardware.dtype_of("auto", "cpu").name == name
