"""Which configurations of one's own can be chosen on the train screen? The YAML files in the workspace's configs/ folder.

A file comes there by an upload, which is kept only when it is a valid configuration, or by hand; then it may be wrong, and what is wrong is
told when it is chosen.
"""
from __future__ import annotations

import re
import tempfile
from pathlib import Path

from curation.errors import BadConfig, BadValue, Reason
from training import config

MOST_BYTES = 262_144
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}\.ya?ml")


def folder(home: Path) -> Path:
    """Where those of a workspace are."""
    return home / "configs"


def own_configs(folder: Path) -> dict[str, Path]:
    """File name -> file."""
    return {path.name: path for path in sorted(folder.glob("*.y*ml")) if NAME.fullmatch(path.name) and path.is_file()}


def keep(folder: Path, name: str, data: bytes) -> Path:
    """Checks an uploaded file and keeps it under its name; one of that name is replaced. Raises BadConfig with every fault, BadValue for a
    name or size that cannot be."""
    if not NAME.fullmatch(name):
        raise BadValue(field="name", value=name, why=Reason("no_yaml_name", "is no name for a configuration"),
                       todo=Reason("yaml_name_rule", "Use letters, digits, '.', '_' and '-', and the ending .yaml."))
    if len(data) > MOST_BYTES:
        raise BadValue(field="name", value=name, why=Reason("config_too_large", "is larger than a configuration can be"),
                       todo=Reason("config_most", "Give a file of at most {most} bytes.", most=MOST_BYTES))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".checking-", dir=folder) as beside:
        new = Path(beside) / name
        new.write_bytes(data)
        try:
            config.load(new)
        except BadConfig as err:
            raise BadConfig(where=name, problems=err.params["problems"]) from err
        new.replace(folder / name)
    return folder / name
