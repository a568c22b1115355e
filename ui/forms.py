"""How does a person fill in an answer? A form made from the task's answer model: one widget for each kind of field.

What a field is drawn as follows from its type alone, so a new task needs no code here, only words ([task.<name>] in the locale files):

| type                        | drawn as                                                            |
|-----------------------------|---------------------------------------------------------------------|
| list[Target]                | the first candidates as toggles (keys 1-9), others from a list or typed|
| Literal, Literal or None    | a choice with translated words                                      |
| bool, bool or None          | yes, no, unknown                                                    |
| str, list[str]              | a text; one entry a line                                            |
| list[PhaseStep]             | one row a step: phase and place                                     |

The answer lives in session_state as plain JSON; every change is told to `keep`, which saves the draft. `rev` makes all widgets anew.
"""
from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

import streamlit as st

from curation.errors import Reason
from curation.model import Candidate, Evidence, PathStep, PhaseStep, Target
from curation.tasks import Task
from ui.draft import draft, text_of
from ui.parts import code_span, escaped
from ui.steps import sentence, step_rows
from ui.text import has, named, t

SHOWN = 9  # candidates with a key of their own; the others are in the list to add from
MORE_SHOWN = 60  # chosen ones beyond them


@dataclass(frozen=True)
class Form:
    """key: of the item; rev: of its widgets. answer: changed in place. keep: called after every change. jump: (file, line) shows a place.
    storage: names the user and item in the browser. readers: filled while drawing; each takes into `answer` what one widget holds. A save
    calls them first, because the click may reach the server together with the last edit, and before its callback. meaning: what a field's
    present value means in words, None where it speaks for itself. reasons: what a field's proposed value goes by. is_open, turn: whether
    the way of a candidate (by its number) to the call is shown, and the other way round; turn_all: of all, None where there are not
    several."""

    task: Task
    key: str
    rev: int
    answer: dict[str, Any]
    candidates: list[Candidate]
    keep: Callable[[], None]
    jump: Callable[[str, int], None]
    file: str
    storage: str
    readers: list[Callable[[], None]]
    meaning: Callable[[str], str | None] = lambda field: None
    reasons: Callable[[str], list[Reason]] = lambda field: []
    is_open: Callable[[int], bool] = lambda number: False
    turn: Callable[[int], None] = lambda number: None
    turn_all: Callable[[], None] | None = None

    def watched(self, read: Callable[[], None]) -> Callable[[], None]:
        """The on_change callback of a widget that `read` takes into the answer."""
        self.readers.append(read)

        def changed() -> None:
            read()
            self.keep()

        return changed

    def widget(self, *parts: object) -> str:
        return ":".join(map(str, (self.key, self.rev, *parts)))

    def label(self, field: str) -> str:
        return named(f"task.{self.task.name}_field", field)

    def value_word(self, field: str, value: Any) -> str:
        if value is None:
            key = f"task.{self.task.name}_{field}.null"
            return t(key) if has(key) else t("common.unknown")
        return next((t(k) for k in (f"task.{self.task.name}_{field}.{value}", f"task.{field}.{value}") if has(k)), str(value))


def answer_form(form: Form) -> None:
    """Draws every field of the task's answer: lists of rows last, since they can be long; of the others two stand side by side."""
    fields = form.task.Answer.model_fields
    long = [name for name, field in fields.items() if _is_list_of(field.annotation, Target) or _is_list_of(field.annotation, PhaseStep)]
    _side_by_side(form, [name for name in fields if name not in long])
    for name in long:
        (_targets if _is_list_of(fields[name].annotation, Target) else _steps)(form, name)


def _side_by_side(form: Form, names: list[str]) -> None:
    for first in range(0, len(names), 2):
        pair = names[first : first + 2]
        for name, place in zip(pair, st.columns(2, gap="small") if len(pair) == 2 else [st.container()], strict=True):
            with place:
                _field(form, name)


def _field(form: Form, name: str) -> None:
    kind = form.task.Answer.model_fields[name].annotation
    if _is_list_of(kind, str):
        _text(form, name, lines=True)
    elif _bare(kind) is bool:
        _choice(form, name, [True, False, None], {True: t("common.yes"), False: t("common.no"), None: t("common.unknown")})
    elif get_origin(_bare(kind)) is Literal:
        options = [*get_args(_bare(kind)), *([None] if _optional(kind) else [])]
        _choice(form, name, options, {o: form.value_word(name, o) for o in options})
    elif _bare(kind) is str:
        _text(form, name, lines=False)
    else:
        raise TypeError(f"{form.task.name}.{name}: no widget for {kind}")
    if meaning := form.meaning(name):
        st.caption(escaped(meaning))
    if reasons := form.reasons(name):
        st.caption("  \n".join(sentence(reason) for reason in reasons))


def _is_list_of(kind: Any, inner: type) -> bool:
    return get_origin(kind) is list and get_args(kind) == (inner,)


def _optional(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType) and type(None) in get_args(kind)


def _bare(kind: Any) -> Any:
    """The type without `| None`."""
    if not _optional(kind):
        return kind
    rest = [arg for arg in get_args(kind) if arg is not type(None)]
    return rest[0] if len(rest) == 1 else kind


def _set(form: Form, name: str, value: Any) -> None:
    form.answer[name] = value
    form.keep()


def _choice(form: Form, name: str, options: list[Any], words: dict[Any, str]) -> None:
    key = form.widget(name)
    now = form.answer.get(name)

    def read() -> None:
        if st.session_state.get(key) is not None:
            form.answer[name] = options[st.session_state[key]]

    changed = form.watched(read)
    place = options.index(now) if now in options else None
    numbers = list(range(len(options)))
    if len(options) <= 4:
        st.segmented_control(
            form.label(name), numbers, default=place, format_func=lambda n: escaped(words[options[n]]), key=key, on_change=changed
        )
    else:
        st.selectbox(form.label(name), numbers, index=place, format_func=lambda n: words[options[n]], key=key, on_change=changed)


def _text(form: Form, name: str, *, lines: bool) -> None:
    key = form.widget(name)

    def read() -> None:
        text = text_of(key, form.rev)
        if text is None:
            return
        if lines:
            form.answer[name] = [line.strip() for line in text.split("\n") if line.strip()]
        else:
            form.answer[name] = text.strip() or (None if _optional(form.task.Answer.model_fields[name].annotation) else "")

    now = form.answer.get(name)
    value = "\n".join(now or []) if lines else now or ""
    draft(
        key=key, value=value, storage=f"{form.storage}/{name}", label=form.label(name), on_change=form.watched(read), rev=form.rev,
        height_px=min(17 + 21 * (value.count("\n") + 1), 130),
    )


def _targets(form: Form, name: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{form.label(name)}**")
        if form.turn_all is not None:
            st.button(
                t("label.paths"), key=form.widget(name, "paths"), type="tertiary", icon=":material/route:", on_click=form.turn_all,
                shortcut="p", help=t("label.paths_help"),
            )
    chosen = {target["name"] for target in form.answer.get(name) or []}
    first, others = form.candidates[:SHOWN], {c.name: c for c in form.candidates[SHOWN:]}
    for number, candidate in enumerate(first, 1):
        _row(form, name, number, candidate.name, candidate, candidate.name in chosen, candidate.file, candidate.line, candidate.evidence,
             again=candidate.name in {c.name for c in first[:number - 1]})
    more = [target for target in form.answer.get(name) or [] if target["name"] not in {c.name for c in first}]
    with st.expander(t("label.more_chosen", count=len(more)), expanded=True) if len(more) > SHOWN else st.container():
        for target in more[:MORE_SHOWN]:
            _row(form, name, None, target["name"], others.get(target["name"]), True, target.get("file"), target.get("line"), [])
    key = form.widget(name, "own")

    def read() -> None:
        typed = [word for word in (st.session_state.get(key) or "").replace(",", " ").split() if word not in chosen]
        if typed:
            st.session_state[key] = None
            known = {c.name: c for c in form.candidates}
            form.answer[name] = [*(form.answer.get(name) or []), *(_target(word, known.get(word)) for word in typed)]

    unchosen = [other for other in others if other not in chosen]
    st.selectbox(
        t("label.add_target"), unchosen, index=None, key=key, on_change=form.watched(read), accept_new_options=True,
        placeholder=t("label.add_target_hint", count=len(unchosen)) if unchosen else t("label.add_target"), label_visibility="collapsed",
    )


def _target(name: str, candidate: Candidate | None) -> dict[str, Any]:
    return {"name": name, "file": candidate.file if candidate else None, "line": candidate.line if candidate else None}


def _row(
    form: Form, field: str, number: int | None, name: str, candidate: Candidate | None, on: bool, file: str | None, line: int | None,
    evidence: list[Evidence], again: bool = False,
) -> None:
    """again: a function of that name in another file has its row already (an answer tells targets apart by their names)."""
    own = f"{name}@{file}" if again else name

    def toggled() -> None:
        rest = [target for target in form.answer.get(field) or [] if target["name"] != name]
        _set(form, field, rest if on else [*rest, _target(name, candidate)])

    toggle, text = st.columns([0.13, 0.87], vertical_alignment="top")
    mark = ":material/check_box:" if on else ":material/check_box_outline_blank:"
    shortcut = str(number) if number is not None and number <= SHOWN else None
    toggle.button(
        "", help=t("label.chosen") if on else t("label.not_chosen"), key=form.widget(field, "toggle", own), icon=mark, shortcut=shortcut,
        on_click=toggled, width="stretch", type="primary" if on else "secondary",
    )
    steps = candidate.steps if candidate is not None and number is not None else []
    with text:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _definition(form, field, own, name, file, line)
            if steps and number is not None:
                is_open = form.is_open(number)
                st.button(
                    t("label.path", count=len(steps)), key=form.widget(field, "path", own), type="tertiary", on_click=form.turn,
                    args=(number,), icon=":material/expand_less:" if is_open else ":material/expand_more:", help=t("label.path_help"),
                )
        if number is not None and steps and form.is_open(number):
            step_rows(form.jump, form.widget(field, own), steps)
            evidence = [e for e in evidence if (e.file, e.line) not in {(step.file, step.line) for step in steps}][:2]
        elif steps:
            evidence = [_put(steps)]
        for n, each in enumerate([e for e in evidence if (e.file, e.line) != (file, line)][:3]):
            evidence_row(form.jump, form.widget(field, "why", own, n), each, name)


def _put(steps: list[PathStep]) -> Evidence:
    """The place of a way that puts the function there, behind the macro that hides it."""
    put = next((step for step in steps if step.kind != "macro"), steps[0])
    kind = {"passed": "argument", "stored": "assignment", "returned": "return", "named": "address"}.get(put.kind, put.kind)
    return Evidence(file=put.file, line=put.line, kind=kind, text=put.text)


def _definition(form: Form, field: str, own: str, name: str, file: str | None, line: int | None) -> None:
    if file and line:
        where = f"{code_span(name)} {t('label.definition')} {escaped(file.rsplit('/', 1)[-1])}:{line}"
        st.button(
            where, key=form.widget(field, "def", own), type="tertiary", on_click=form.jump, args=(file, line),
            help=escaped(f"{file}:{line}"),
        )
    else:
        st.markdown(f"{code_span(name)} :gray[{t('label.no_definition')}]")


def place_button(jump: Callable[[str, int], None], key: str, file: str, line: int, word: str, text: str = "", name: str = "") -> None:
    """A link that shows a place in the viewer. word: what is there; text: the line itself; name: what to see of a long line."""
    where = escaped(f"{word} {file.rsplit('/', 1)[-1]}:{line}".strip())
    words = f"{where} {code_span(text, name=name)}".strip()
    st.button(words, key=key, type="tertiary", on_click=jump, args=(file, line), help=escaped(f"{file}:{line}"))


def evidence_row(jump: Callable[[str, int], None], key: str, evidence: Evidence, name: str = "") -> None:
    """What speaks for a proposal: its kind, its place (a click shows it) and the line itself."""
    place_button(jump, key, evidence.file, evidence.line, named("label.evidence", evidence.kind), evidence.text, name)


def _steps(form: Form, name: str) -> None:
    """One row a step: its phase, its place (a click shows it), and what changes or drops it."""
    phases = get_args(PhaseStep.model_fields["phase"].annotation)
    steps: list[dict[str, Any]] = form.answer.get(name) or []

    def more() -> None:
        last = steps[-1] if steps else {"file": form.file, "line": 1}
        _set(form, name, [*steps, {"phase": "bind", "file": last["file"], "line": last["line"], "function": None, "text": ""}])

    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{form.label(name)}**")
        st.button(t("label.add_step"), icon=":material/add:", key=form.widget(name, "more"), on_click=more, type="tertiary")
    with st.container(key=f"steps-{form.key}", gap=None):
        for number, step in enumerate(steps):
            _step(form, name, number, step, phases)


def _step(form: Form, name: str, number: int, step: dict[str, Any], phases: tuple[str, ...]) -> None:
    total = len(form.answer[name])
    phase_key, line_key, file_key = (form.widget(name, part, total, number) for part in ("phase", "line", "file"))

    def read() -> None:
        if file_key not in st.session_state:
            return
        new = {
            "phase": st.session_state[phase_key], "line": int(st.session_state[line_key] or 1),
            "file": st.session_state[file_key].strip() or form.file,
        }
        old = form.answer[name][number]
        moved = (old["file"], old["line"]) != (new["file"], new["line"])
        form.answer[name][number] = {**old, **new, **({"text": "", "function": None} if moved else {})}

    def removed() -> None:
        _set(form, name, [s for n, s in enumerate(form.answer[name]) if n != number])

    changed = form.watched(read)
    phase, place, edit, drop = st.columns([0.26, 0.55, 0.11, 0.08], vertical_alignment="center", gap="small")
    phase.selectbox(
        t("label.phase"), phases, index=phases.index(step["phase"]), key=phase_key, on_change=changed, label_visibility="collapsed",
        format_func=lambda value: named("task.phase", value),
    )
    with place:
        place_button(form.jump, form.widget(name, "go", total, number), step["file"], step["line"], "", step.get("text") or "")
    with edit.popover("", icon=":material/edit:", help=t("label.move_step"), type="tertiary", key=form.widget(name, "edit", total, number)):
        st.text_input(t("label.file"), value=step["file"], key=file_key, on_change=changed)
        st.number_input(t("label.line"), min_value=1, value=step["line"], key=line_key, on_change=changed)
    drop.button(
        "", icon=":material/delete:", key=form.widget(name, "drop", total, number), on_click=removed, help=t("label.remove_step"),
        type="tertiary",
    )
