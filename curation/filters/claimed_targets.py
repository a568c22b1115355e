"""Does the proposal engine, which reads the same code, find other targets than a generated answer claims?

>>> code = "static int f(void) { return 1; }\\nstatic int g(void) { return 2; }\\nint (*p)(void) = f;\\nint h(void) { return p(); }\\n"
>>> row = PairAnswer(instruction="q", input=code, output='{"targets":[{"name":"g"}],"completeness":"complete"}')
>>> check(row, Context(topic="function_pointer"))
[Flag(filter='claimed_targets', params={'said': 'g', 'found': 'f'})]

A contradiction is only told where the engine calls its own answer complete and shares no target with the claimed one at any site of the code.
Neither side is right by itself: both are shown. Code of more than LONGEST characters is not read.
"""
from __future__ import annotations

from curation.csource import build_index
from curation.filters import Context
from curation.filters.claimed_names import stated
from curation.model import Flag, PairAnswer
from curation.tasks import all_tasks

NAME = "claimed_targets"
LONGEST = 20_000


def check(row: PairAnswer, context: Context) -> list[Flag]:
    task = all_tasks().get(context.topic or "")
    if task is None or task.propose is None or "targets" not in task.metrics() or not row.input.strip() or len(row.input) > LONGEST:
        return []
    answer = stated(row) or {}
    targets = answer.get("targets")
    claimed = [t.get("name") if isinstance(t, dict) else t for t in targets] if isinstance(targets, list) else []
    if not claimed or not all(isinstance(name, str) for name in claimed):
        return []
    found: list[str] = []
    for proposal in task.propose(build_index([("input.c", row.input)], jobs=0), None):
        names = [target["name"] for target in proposal.answer.get("targets", [])]
        if set(names) & set(claimed) or proposal.answer.get("completeness") != "complete":
            return []
        found.extend(names)
    if not found:
        return []
    return [Flag(filter=NAME, params={"said": ", ".join(map(str, claimed))[:120], "found": ", ".join(dict.fromkeys(found))[:120]})]
