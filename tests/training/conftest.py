"""A run directory that later stages can be tried on, made once for all tests here: see stage_fixture.py."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.stage_fixture import complete, context, needs_compilers, write_line
from training import tools
from training.recipes import evaluate, quantize

SETTINGS = evaluate.Settings(engine="transformers", max_new_tokens=48, batch_size=3, stop_after_line=False, quantized=False, surprise=True)


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has come as far as `merge`."""
    return write_line(tmp_path_factory.mktemp("line") / "run")


@pytest.fixture(scope="session")
def llama() -> tools.LlamaCpp:
    """llama.cpp, built now if it is nowhere: that is the real part."""
    needs_compilers()
    return tools.ensure()


@pytest.fixture(scope="session")
def evaluated(line: Path) -> dict[str, Any]:
    events: list[dict[str, Any]] = []
    result = evaluate.run(context(line, "evaluate", SETTINGS, events))
    complete(line / "01-evaluate", result)
    assert [(e["step"], e["total"]) for e in events if e["kind"] == "step"] == [(n, 12) for n in range(1, 13)]
    return json.loads((line / result["report"]).read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def quantized(line: Path, llama: tools.LlamaCpp) -> dict[str, Any]:
    events: list[dict[str, Any]] = []
    result = quantize.run(context(line, "quantize", quantize.Settings(compare_tokens=16), events))
    complete(line / "02-quantize", result)
    assert [e["doing"] for e in events if "doing" in e] == ["HF model", "F16", "Q8_0", "Q5_K_M", "Q4_K_M", "Q4_0"]
    return json.loads(json.dumps(result))
