"""When and in which context does this callback run, and may it sleep?

>>> TASK.check({"context": "hardirq", "may_sleep": False, "trigger": "linux.request_irq", "registered_via": "request_irq"})

One item is one function together with the API or struct field it is registered with. `trigger` names the row of the knowledge base
whose words say what makes it run, or is the annotator's own words. Compared are the context and whether it may sleep.

Proposed from the knowledge rows; where they leave it open, and for every other function whose name is put into a field, a variable or
an argument, from the code (knowledge/inferred.py). Not seen: functions that are only returned or compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import Field, model_validator

from curation.freezing.shown import Shown, plain_answer
from curation.knowledge import Words, in_use
from curation.model import Context, Evidence, Item, Lang, Model, Place, Proposal
from curation.tasks import Style, Task
from curation.tasks._rows import PlaceName, Question, by_file

if TYPE_CHECKING:
    from curation.csource import Function, Program
    from curation.knowledge.callbacks.inferred import Inference, Inferred
    from curation.knowledge.callbacks.registrations import Registration

_ALIKE = 4  # further places where the same function is registered the same way, kept as evidence


class Answer(Model):
    """context: None where it cannot be told, "none" where the function is no callback at all. chain: functions from the outermost to the
    callback. trigger: see the module's text."""

    context: Literal[Context, "none"] | None = Field(default=None, json_schema_extra={"metric": "accuracy"})
    may_sleep: bool | None = Field(default=None, json_schema_extra={"metric": "accuracy", "costly": [True, False]})
    trigger: str | None = None
    chain: list[str] = Field(default=[], json_schema_extra={"metric": "sequence", "names": True})
    registered_via: str | None = None

    @model_validator(mode="after")
    def _of_no_callback_nothing_else_is_said(self) -> Answer:
        if self.context == "none":
            self.may_sleep, self.trigger, self.chain, self.registered_via = None, None, [], None
        return self


def propose(index: Program, files: list[str] | None = None) -> Iterator[Proposal]:
    """One proposal for each (function defined in the corpus, API or field it is registered with), in the order of the definitions."""
    from curation.knowledge.callbacks.inferred import inference_of
    from curation.knowledge.callbacks.registrations import registrations
    from curation.knowledge.matching import corpus_of

    index = index.near(files, handed=True)
    corpus = corpus_of(index)
    inference = inference_of(corpus)
    made: dict[tuple[str, int, str], Proposal] = {}
    for r in registrations(corpus):
        if r.definition is not None and (files is None or r.definition.file in files):
            proposal = _of_registration(r, r.definition)
            if corpus.platform(r.place.file) == "linux" and (r.runs_in in (None, "sync") or r.may_sleep is None):
                _of_code(proposal, r, r.definition, inference)
            _merge(made, proposal)
    for i in inference.all(files):
        _merge(made, _of_inferred(i))
    order = {file: n for n, file in enumerate(index.files())}
    yield from _told_apart(sorted(made.values(), key=lambda p: (order[p.file], p.line, p.column)))


def _of_code(proposal: Proposal, r: Registration, definition: Function, inference: Inference) -> None:
    """What a row leaves open is read off the code. The kernel has no context of its own for a callback that runs before the call
    returns: it is that of the calling function."""
    answer, contexts = proposal.answer, inference.contexts
    if answer["context"] == "sync" and (where := contexts.of(r.place.file, r.function)):
        if r.function and contexts.held(r.place.file, r.function, r.place.line):
            where = ("atomic", False)
        answer["context"] = where[0]
        if answer["may_sleep"] is None or where[1] is False:
            answer["may_sleep"] = where[1]
        return
    said = inference.of_callback(definition, r.place.file, r.place.line, r.function, r.via)
    if said is None:
        return
    if answer["context"] in (None, "sync"):
        answer["context"] = said.where[0] if answer["may_sleep"] is None or answer["may_sleep"] == said.where[1] else answer["context"]
    if answer["may_sleep"] is None and answer["context"] in (None, said.where[0]):
        answer["may_sleep"] = said.where[1]


def _merge(made: dict[tuple[str, int, str], Proposal], proposal: Proposal) -> None:
    """The first registration of a function with an API stands; others like it become evidence of it."""
    key = (proposal.file, proposal.line, str(proposal.answer["registered_via"]))
    first = made.setdefault(key, proposal)
    if first is not proposal and sum(e.kind == "registration" for e in first.evidence) <= _ALIKE:
        first.evidence.extend(e for e in proposal.evidence if e.kind == "registration" and e not in first.evidence)


def _told_apart(proposals: list[Proposal]) -> Iterator[Proposal]:
    """A function registered in two ways is two sites at one place: the expression of the later ones says which."""
    seen: set[tuple[str, int, int]] = set()
    for proposal in proposals:
        place = (proposal.file, proposal.line, proposal.column)
        if place in seen:
            proposal = proposal.model_copy(update={"expression": f"{proposal.expression} ({proposal.answer['registered_via']})"})
        seen.add(place)
        yield proposal


def _of_registration(r: Registration, definition: Function) -> Proposal:
    row = in_use().by_id[r.row.id]
    answer = Answer(
        context=r.runs_in,
        may_sleep=r.may_sleep,
        trigger=r.row.id if r.row.trigger else None,
        chain=[*r.chain, r.callback],
        registered_via=r.via,
    )
    words = r.row.trigger or row.trigger
    return _proposal(definition, answer, r.place, list(r.evidence), 1.0 if r.runs_in else 0.5, words, row.source, r.function)


def _of_inferred(i: Inferred) -> Proposal:
    row = i.row
    answer = Answer(
        context=i.runs_in,
        may_sleep=i.may_sleep,
        trigger=row.id if row and row.trigger else None,
        chain=[*i.chain, i.callback],
        registered_via=i.via,
    )
    words = (row.trigger if row else None) or _called_by(i)
    score = 0.8 if row else 0.6 if i.sure else 0.3
    return _proposal(i.definition, answer, i.place, list(i.evidence), score, words, row.source if row else None, i.function)


def _called_by(i: Inferred) -> Words:
    if i.at_once:
        return Words(en=f"`{i.via}` calls it before it returns", zh=f"`{i.via}` 在返回之前调用它时")
    if i.chain:
        return Words(en=f"`{i.chain[-1]}` calls the stored pointer", zh=f"`{i.chain[-1]}` 调用所保存的指针时")
    return Words(en=f"it is called through `{i.via}`", zh=f"通过 `{i.via}` 被调用时")


def _proposal(
    definition: Function,
    answer: Answer,
    registered: Place,
    evidence: list[Evidence],
    score: float,
    words: Words | None,
    source: str | None,
    registered_in: str | None,
) -> Proposal:
    extra = {
        "registration": registered.model_dump(include={"file", "line"}),
        "trigger": words.model_dump() if words else {"en": None, "zh": None},
        "source": source,
        "registered_in": registered_in,
    }
    return Proposal(
        task="callback_timing",
        file=definition.file,
        line=definition.line,
        column=definition.column,
        function=definition.name,
        expression=definition.name,
        answer=answer.model_dump(mode="json"),
        evidence=evidence,
        score=score,
        extra=extra,
    )


def record(proposal: Proposal) -> dict[str, Any]:
    """The proposal as the command line writes it. trigger: both languages, null where unknown."""
    answer = proposal.answer
    return {
        "task": proposal.task,
        "file": proposal.file,
        "line": proposal.line,
        "column": proposal.column,
        "function": proposal.function,
        "context": answer["context"],
        "may_sleep": answer["may_sleep"],
        "trigger": proposal.extra["trigger"],
        "chain": answer["chain"],
        "registered_via": answer["registered_via"],
        "registration": proposal.extra["registration"],
    }


SURE_SCORE = 0.8  # of what a knowledge row says; inferred contexts score lower


def sure(proposal: Proposal) -> str | None:
    """"row": a knowledge row says where callbacks of this registration run, and the registration is seen."""
    return "row" if proposal.score >= SURE_SCORE and proposal.answer["context"] is not None else None


_CONTEXT: dict[Lang, dict[Context | None, str]] = {
    "en": {
        "process": "in process context",
        "softirq": "in softirq context",
        "hardirq": "in hard interrupt context",
        "atomic": "in atomic context (a lock is held, or interrupts or preemption are off)",
        "signal": "in a signal handler, asynchronously to the interrupted code",
        "thread": "in a thread of its own",
        "threadpool": "on a thread of the pool",
        "eventloop": "on the event loop's thread",
        "sync": "synchronously, in the caller's context before the call returns",
        "exit": "while the process is exiting",
        None: "in a context that depends on the caller",
    },
    "zh": {
        "process": "在进程上下文中",
        "softirq": "在软中断上下文中",
        "hardirq": "在硬中断上下文中",
        "atomic": "在原子上下文中（持有锁，或已关中断、禁止抢占）",
        "signal": "在信号处理函数中，与被打断的代码异步地",
        "thread": "在独立的线程中",
        "threadpool": "在线程池的线程上",
        "eventloop": "在事件循环线程上",
        "sync": "在调用返回之前、于调用者的上下文中同步地",
        "exit": "在进程退出期间",
        None: "在取决于调用者的上下文中",
    },
}
_WORDS: dict[Lang, dict[str, str]] = {
    "en": {
        "no_callback": "`{name}` is not used as a callback here: nothing stores it to be called later through a pointer.",
        "registered": "`{name}` is registered at {place} with `{via}`: `{text}`.",
        "registered_somewhere": "`{name}` is registered with `{via}`.",
        "unregistered": "`{name}` is a callback.",
        "through": "The pointer gets there by way of {place}: `{text}`.",
        "runs": "It runs {context}, when {trigger}.",
        "runs_plain": "It runs {context}.",
        "True": "It may sleep.",
        "False": "It must not sleep.",
        "False_user": "It must not block.",
        "True_user": "It may block.",
        "None": "Whether it may sleep cannot be told from this code alone.",
        "chain": "The call chain is {chain}.",
    },
    "zh": {
        "no_callback": "`{name}` 在这里不是回调函数：没有任何代码保存它以便之后通过指针调用。",
        "registered": "`{name}` 在 {place} 处通过 `{via}` 注册：`{text}`。",
        "registered_somewhere": "`{name}` 通过 `{via}` 注册。",
        "unregistered": "`{name}` 是一个回调函数。",
        "through": "该指针经由 {place} 的 `{text}` 传递。",
        "runs": "触发时机：{trigger}；届时它{context}执行。",
        "runs_plain": "它{context}执行。",
        "True": "它可以睡眠。",
        "False": "它不得睡眠。",
        "False_user": "它不应阻塞。",
        "True_user": "它可以阻塞。",
        "None": "仅凭这段代码无法判断它能否睡眠。",
        "chain": "调用链为 {chain}。",
    },
}
_KERNEL: tuple[Context | None, ...] = ("process", "softirq", "hardirq", "atomic", None)


def draft(answer: dict[str, Any], proposal: Proposal, lang: Lang) -> str:
    """The explanation offered to the annotator: where the callback is registered, when and where it runs, whether it may sleep."""
    return _draft(answer, proposal, lang, by_file)


def _draft(answer: dict[str, Any], proposal: Proposal, lang: Lang, place: PlaceName, short: bool = False) -> str:
    words, given = _WORDS[lang], Answer.model_validate(answer)
    name = proposal.function or proposal.expression
    if given.context == "none":
        return words["no_callback"].format(name=name)
    text = [_registered(words, name, given, proposal, place)]
    if given.registered_via == proposal.answer.get("registered_via") and not short:
        text += [
            words["through"].format(place=at, text=e.text)
            for e in proposal.evidence
            if e.kind in ("call", "initializer", "assignment") and (at := place(e.file, e.line)) is not None
        ][:1]
    trigger = _trigger(given, proposal, lang)
    context = _CONTEXT[lang][given.context]
    text.append(words["runs"].format(context=context, trigger=trigger) if trigger else words["runs_plain"].format(context=context))
    user = given.may_sleep is not None and given.context not in _KERNEL
    text.append(words[f"{given.may_sleep}_user" if user else str(given.may_sleep)])
    if len(given.chain) > 1 and not short:
        text.append(words["chain"].format(chain=" → ".join(f"`{f}`" for f in given.chain)))
    return ("" if lang == "zh" else " ").join(text)


def _registered(words: dict[str, str], name: str, given: Answer, proposal: Proposal, place: PlaceName) -> str:
    if given.registered_via is None:
        return words["unregistered"].format(name=name)
    at = next((e for e in proposal.evidence if e.kind == "registration"), None)
    where = place(at.file, at.line) if at is not None else None
    if at is None or where is None or given.registered_via != proposal.answer.get("registered_via"):
        return words["registered_somewhere"].format(name=name, via=given.registered_via)
    return words["registered"].format(name=name, place=where, via=given.registered_via, text=at.text)


def _trigger(given: Answer, proposal: Proposal, lang: Lang) -> str | None:
    """The trigger in words: a row's, the proposal's own, or the annotator's as written."""
    if given.trigger == proposal.answer.get("trigger"):
        told: str | None = (proposal.extra.get("trigger") or {}).get(lang)
        return told
    row = in_use().by_id.get(given.trigger or "")
    if row is not None and row.trigger is not None:
        return row.trigger.zh if lang == "zh" else row.trigger.en
    return given.trigger


def meaning(field: str, answer: dict[str, Any], proposal: Proposal, lang: Lang) -> str | None:
    """The words of a trigger that is the id of a knowledge row, or that stand in the proposal alone."""
    if field != "trigger" or answer.get("context") == "none":
        return None
    words = _trigger(Answer.model_validate({"trigger": answer.get("trigger")}), proposal, lang)
    return words if words != answer.get("trigger") else None


_ASK: dict[Lang, str] = {
    "en": "When and in which context does the callback `{name}` ({place}) run, and may it sleep? {how}",
    "zh": "回调函数 `{name}`（{place}）在何时、何种上下文中执行？它可以睡眠吗？{how}",
}
_KEYS: dict[Lang, str] = {
    "en": "`context` (one of {contexts}, where `none` means that it is no callback, or null), `may_sleep` (true, false or null), `chain` "
    "(the functions that lead to it, outermost first) and `registered_via` (the API or `struct.field`)",
    "zh": " `context`（取 {contexts} 之一，其中 `none` 表示它不是回调函数，或 null）、`may_sleep`（true、false 或 null）、"
    "`chain`（调用链上的函数，由外到内）和 `registered_via`（注册所用的 API 或 `结构体.字段`）",
}
_SHOWING = ("registration", "initializer", "assignment", "argument", "call", "lock", "sleeps", "alike")  # evidence that says something


def shown(item: Item, answer: dict[str, Any], excerpt: Shown, style: Style) -> dict[str, Any] | None:
    """The answer with those functions of the chain, and that API or field, whose names stand in the excerpt. None when the callback is not
    shown, or neither a place that speaks for the answer nor what the callback is registered with is."""
    checked: dict[str, Any] = plain_answer(TASK.check(answer), excerpt)
    if excerpt.marker(*excerpt.site) is None:
        return None
    if checked["context"] == "none":
        return checked
    via = checked["registered_via"] if excerpt.has(checked["registered_via"]) else None
    evidence = [e for e in item.payload.get("evidence", []) if e["kind"] in _SHOWING]
    if via is None and not any(excerpt.marker(e["file"], e["line"]) for e in evidence):
        return None
    return {**checked, "chain": [name for name in checked["chain"] if excerpt.has(name)], "registered_via": via}


def facets(item: Item, answer: dict[str, Any], excerpt: Shown) -> tuple[str, int]:
    """The kind is what registers it: a known API or field (row), another API, another field (api, field), none. One point of difficulty
    each for: no known row; a chain of more than two; code of more than one file."""
    via, known = answer["registered_via"], answer["trigger"] is not None
    kind = "none" if answer["context"] == "none" else "row" if known else "field" if "." in (via or "") else "api"
    return kind, 1 + sum([not known, len(answer["chain"]) > 2, len({one.file for one in excerpt.lines}) > 1])


def _stated(kept: dict[str, Any], excerpt: Shown) -> dict[str, Any] | None:
    """Without the trigger, which the explanation alone tells. None where neither the context nor whether it may sleep is known."""
    if kept["context"] is None and kept["may_sleep"] is None:
        return None
    return {key: kept[key] for key in ("context", "may_sleep", "chain", "registered_via")}


def _contexts(style: Style, lang: Lang) -> dict[str, Any]:
    return {"contexts": (", " if lang == "en" else "、").join(f"`{c}`" for c in (*get_args(Context), "none"))}


_QUESTION = Question(
    ask=_ASK, keys=_KEYS, Answer=Answer, shown=shown, stated=_stated, draft=_draft,
    named=lambda proposal: {"name": proposal.function}, listed=_contexts, bare=True,
)
TASK = Task(
    name="callback_timing",
    kind="site",
    Answer=Answer,
    render=_QUESTION.row,
    goal=(1000, 3000),
    propose=propose,
    record=record,
    sure=sure,
    draft=draft,
    meaning=meaning,
    shown=shown,
    balanced="context",
    facets=facets,
    anchor="definition",
    row_field="trigger",
    subject={
        "en": "when and in which context a callback runs, who triggers it, and whether it may sleep",
        "zh": "回调函数何时、在什么上下文中运行，由谁触发，能否睡眠",
    },
)
