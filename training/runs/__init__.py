"""Start, look at, stop and resume training runs. No torch: the web process and the command line use this.

Everything about a run is in its directory: config.yaml, manifest.json, launch.json (which process), status.json and events.jsonl (written
by the worker), stdout.log, a folder a stage with result.json and COMPLETE, exit.json at the end. Nothing is kept in memory, so
whoever asks later, from another process, is told the same.

>>> run_dir = start(load("tiny"), Path("runs"), dataset_dir=Path("datasets/demo/v0001"))
>>> poll(run_dir).state
'running'
"""
from training.runs.continuing import extend, resume, start_stages
from training.runs.events import Curve, add_to_curves, read_events, read_log
from training.runs.launching import NAME_RULE, start
from training.runs.manifest import config_of, config_text, dataset_of, read_manifest
from training.runs.status import RunStatus, StageStatus, list_runs, poll
from training.runs.stopping import kill, stop

__all__ = ["Curve", "NAME_RULE", "RunStatus", "StageStatus", "add_to_curves", "config_of", "config_text", "dataset_of", "extend", "kill",
           "list_runs", "poll", "read_events", "read_log", "read_manifest", "resume", "start", "start_stages", "stop"]
