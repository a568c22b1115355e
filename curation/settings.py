"""Where the workspace is and how it is configured: one typed model.

The workspace folder holds everything the program writes: `store.sqlite`, `blobs/` (sources by content hash), `cache/`,
`datasets/`, `runs/`, `models/`. It is `$FLOWSIGHT_HOME`, else in a checkout `workspace/` beside the code (and then frozen datasets go
to the project's own `datasets/`), else, of an installed program, `~/.local/share/flowsight`. `flowsight.toml` in it, if there is one,
sets the fields below; `FLOWSIGHT_<FIELD>` in the environment wins.

>>> FLOWSIGHT_HOME=/data/flow FLOWSIGHT_STORE_URL=postgresql+psycopg://flow@db/flow make run
"""
from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from curation import datasets_dir, default_home
from curation.errors import BadConfig, Reason, invalid, joined
from curation.model import Lang, Model


class LLMSettings(Model):
    """An OpenAI-compatible endpoint. The key is never here: it is read from the environment (FLOWSIGHT_LLM_KEY, else
    OPENAI_API_KEY) when a request is sent."""

    base_url: str = "http://127.0.0.1:8000/v1"
    model: str = ""
    timeout_s: float = 120.0


class Settings(Model):
    home: Path
    datasets_dir: Path
    store_url: str  # SQLAlchemy URL; sqlite or postgresql+psycopg
    lang: Lang = "en"
    tokenizer: str | None = None  # name or folder; None: count CJK characters and C tokens ourselves
    import_roots: list[Path] = []  # folders on this server a page may import from; empty: any (single local user only)
    max_file_bytes: int = Field(default=16 * 2**20, ge=1)
    llm: LLMSettings = LLMSettings()

    @property
    def blobs_dir(self) -> Path:
        return self.home / "blobs"

    @property
    def cache_dir(self) -> Path:
        return self.home / "cache"

    @property
    def runs_dir(self) -> Path:
        return self.home / "runs"

    @property
    def models_dir(self) -> Path:
        return self.home / "models"


def load_settings(home: Path | None = None) -> Settings:
    """Settings of the workspace at `home` (None: as the module's text says). Makes no file or folder.

    Raises BadConfig with every fault at once when flowsight.toml or the environment holds a wrong or unknown value."""
    given = home or (Path(os.environ["FLOWSIGHT_HOME"]) if os.environ.get("FLOWSIGHT_HOME") else None)
    home = (given or default_home()).absolute()
    values: dict[str, Any] = {
        "home": home,
        "datasets_dir": datasets_dir(home if given else None),
        "store_url": f"sqlite:///{home / 'store.sqlite'}",
    }
    where = home / "flowsight.toml"
    if where.is_file():
        try:
            values.update(tomllib.loads(where.read_text(encoding="utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
            raise BadConfig(where=str(where), problems=Reason("not_toml", "not TOML: {said}", said=str(err))) from err
    for name in Settings.model_fields:
        if name not in ("home", "llm") and (value := os.environ.get(f"FLOWSIGHT_{name.upper()}")):
            values[name] = value.split(os.pathsep) if name == "import_roots" else value
    llm = values.get("llm", {})
    if isinstance(llm, dict):  # anything else is told by the validation below
        llm = {**llm, **{n: v for n in LLMSettings.model_fields if (v := os.environ.get(f"FLOWSIGHT_LLM_{n.upper()}"))}}
    values["llm"] = llm
    try:
        return Settings.model_validate(values)
    except ValidationError as err:
        problems = joined([Reason("", "- {at}: {why}", at=".".join(map(str, e["loc"])), why=invalid(e)) for e in err.errors()])
        raise BadConfig(where=f"{where} (or FLOWSIGHT_* in the environment)", problems=problems) from err
