"""Does a generated answer to a site task begin with that task's answer as JSON?

Only rows whose topic is a site task are looked at: their first line is learned as the machine-readable answer. `why` is the record of a
Reason (errors.reason_record), so that a page can say it in its language; a long one is its English beginning.

>>> check(PairAnswer(instruction="q", output="It reaches start()."), Context(topic="function_pointer"))[0].params["why"]["text"]
'the first line is no JSON object'
"""
from __future__ import annotations

import json

from curation.errors import BadAnswer, Reason, reason_record
from curation.filters import Context
from curation.model import Flag, PairAnswer
from curation.tasks import all_tasks

NAME = "answer_json"
MOST = 200  # characters of a reason that are kept with its translation; of a longer one only the beginning is


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
        why = err.params["why"]
    except (ValueError, RecursionError):
        why = Reason("first_line", "the first line is no JSON object")
    else:
        return []
    return [Flag(filter=NAME, params={"topic": task.name, "why": reason_record(why) if len(why) <= MOST else why[:MOST]})]
