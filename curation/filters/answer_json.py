"""Does a generated answer to a site task begin with that task's answer as JSON?

Only rows whose topic is a site task are looked at: their first line is learned as the machine-readable answer.

>>> check(PairAnswer(instruction="q", output="It reaches start()."), Context(topic="function_pointer"))
[Flag(filter='answer_json', params={'topic': 'function_pointer', 'why': 'the first line is no JSON object'})]
"""
from __future__ import annotations

import json

from curation.errors import BadAnswer
from curation.filters import Context
from curation.model import Flag, PairAnswer
from curation.tasks import all_tasks

NAME = "answer_json"


def check(row: PairAnswer, context: Context) -> list[Flag]:
    task = all_tasks().get(context.topic or "")
    if task is None or task.kind != "site":
        return []
    try:
        answer = json.loads(row.output.lstrip().split("\n", 1)[0])
        if not isinstance(answer, dict):
            raise ValueError
        task.check(answer)
    except BadAnswer as err:
        why = str(err.params["why"])
    except (ValueError, RecursionError):
        why = "the first line is no JSON object"
    else:
        return []
    return [Flag(filter=NAME, params={"topic": task.name, "why": why[:200]})]
