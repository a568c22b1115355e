"""`python -m curation generate`: rows asked of a model behind an OpenAI-compatible endpoint, into the review queue."""
from __future__ import annotations

import argparse
import sys
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from curation import jobs
from curation.commands import Subcommands, add_user, declare, workspace
from curation.errors import BadConfig
from curation.pairs import generate, seeds
from curation.pairs.generate import Counts, GenerateOptions

HELP = {
    "campaign": "its name; the same name again goes on where it stopped (default: the task's name)",
    "task": f"what to ask for: {', '.join(seeds.topics())}",
    "count": "rows wanted in the campaign altogether",
    "lang": "language of the rows: en or zh",
    "base_url": "the endpoint (default: the workspace's setting)",
    "model": "the model's name there (default: the workspace's setting)",
    "per_request": "pairs asked for at once",
    "examples": "seeds shown with each request",
    "temperature": "0 to 2",
    "max_tokens": "longest answer",
    "source": "an imported source whose functions are asked about (default: the model invents code)",
    "seed": "of all draws (default: made of the campaign's name)",
    "concurrency": "requests under way at once",
    "timeout_s": "seconds to wait for an answer (default: the workspace's setting)",
    "most_requests": "calls altogether, a bound on the cost (default: three times what the rows take, and ten more)",
}


def add(commands: Subcommands) -> None:
    command = declare(
        commands, "generate", run,
        "Ask a model for instruction pairs or preference pairs, starting from the shipped seeds. Every answer is kept in a ledger, so "
        "nothing is paid twice: stop with Ctrl+C and start again to go on. The key is read from FLOWSIGHT_LLM_KEY or OPENAI_API_KEY.",
        "generate --task function_pointer --count 50 --lang zh --base-url http://127.0.0.1:8000/v1 --model qwen2.5-coder",
        "generate --task preference --count 20 --campaign pairs-1",
    )
    for name, field in GenerateOptions.model_fields.items():
        _option(command, name, field)
    add_user(command)


def _option(command: argparse.ArgumentParser, name: str, field: FieldInfo) -> None:
    shown = "" if field.is_required() or field.default is None or "default" in HELP[name] else f" (default {field.default})"
    command.add_argument(f"--{name.replace('_', '-')}", dest=name, help=HELP[name] + shown, required=name in ("task", "count"))


def run(given: argparse.Namespace) -> int:
    work = workspace(given)
    llm = work.settings.llm
    values: dict[str, Any] = {"campaign": given.task, "base_url": llm.base_url, "model": llm.model, "timeout_s": llm.timeout_s}
    values |= {name: getattr(given, name) for name in GenerateOptions.model_fields if getattr(given, name) is not None}
    try:
        options = GenerateOptions.model_validate(values)
    except ValidationError as err:
        problems = "\n".join(f"- --{'.'.join(map(str, e['loc'])).replace('_', '-')}: {e['msg']}" for e in err.errors())
        raise BadConfig(where="generate", problems=problems) from err
    try:
        counts = generate.run(work.store, work.settings, work.actor, options, stop=jobs.stop_requested, report=_report)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    _report(counts)
    return 0


def _report(counts: Counts) -> None:
    print(f"{counts.rows} rows ({counts.flagged} flagged) of {counts.answered} answers; {counts.failed} failed, {counts.unread} unread; "
          f"{counts.prompt_tokens} + {counts.completion_tokens} tokens", flush=True)
