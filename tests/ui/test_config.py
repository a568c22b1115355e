"""The server's settings are safe as shipped."""
from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_shipped_settings_are_safe() -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["browser"]["gatherUsageStats"] is False
    assert config["server"]["address"] == "127.0.0.1"
    assert config["server"]["port"] == 8501
    assert config["server"]["enableXsrfProtection"] is True
    assert config["server"]["enableCORS"] is True  # Streamlit's name for: check the Origin
    assert config["client"]["showErrorDetails"] == "none"
    assert config["runner"]["magicEnabled"] is False  # an expression that stands alone on a page is never rendered


def test_streamlit_reads_these_settings() -> None:
    """The names are Streamlit's own: a misspelt one would be ignored in silence."""
    from streamlit import config as streamlit_config

    shipped = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    names = {f"{section}.{name}" for section, table in shipped.items() for name, value in table.items() if not isinstance(value, dict)}
    assert names - set(streamlit_config._config_options_template) == set()
