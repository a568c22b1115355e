"""Every option reaches peft; what the model lacks is told."""
from __future__ import annotations

from pathlib import Path

import pytest

from curation.errors import BadValue
from training import fit, models


def test_every_option_of_the_adapter_reaches_peft_and_what_the_model_lacks_is_told(line: Path) -> None:
    model = models.load_model(line / "base", device="cpu", dtype="float32")
    given = {"rank": 3, "alpha": 5, "dropout": 0.1, "rslora": True, "dora": True, "layers_to_transform": [1]}
    made = fit.lora_config(fit.AdapterSettings.model_validate(given), model)
    assert (made.r, made.lora_alpha, made.lora_dropout, made.use_rslora, made.use_dora) == (3, 5, 0.1, True, True)
    assert made.layers_to_transform == [1] and "q_proj" in made.target_modules and "lm_head" not in made.target_modules
    named = fit.lora_config(fit.AdapterSettings(target_modules=["q_proj"]), model)
    assert set(named.target_modules) == {"q_proj"}
    with pytest.raises(BadValue, match="no linear layer"):
        fit.lora_config(fit.AdapterSettings(target_modules=["q_prj"]), model)
    with pytest.raises(BadValue, match="layers 0 to 2"):
        fit.lora_config(fit.AdapterSettings(layers_to_transform=[3]), model)
