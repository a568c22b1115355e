"""What does a step of a path say in words?

A step (model.PathStep) is free of language. `said` makes it a Reason: English as it stands, Chinese by ui/locales/zh.toml.

>>> str(said(PathStep(file="a.c", line=4, kind="stored", source=["parameter", "o", "add"], target=["field", "ops", "struct dev"])))
'parameter `o` of `add` is stored into field `ops` of `struct dev`'
"""
from __future__ import annotations

from curation.csource.targets.witness import UNNAMED
from curation.errors import Reason
from curation.model import PathStep


def said(step: PathStep) -> Reason:
    """What happens at a step, as a sentence without a full stop."""
    n = step.names
    value, source, target = n.get("value", ""), spot_said(step.source), spot_said(step.target)
    match step.kind:
        case "initializer" if "object" in n:
            return Reason("step_initializer", "the address of `{value}` is put into {target} by the initializer of `{object}`",
                          value=value, target=target, object=n["object"])
        case "initializer":
            return Reason("step_starts", "{target} starts with the address of `{value}`", value=value, target=target)
        case "passed" | "written_back":
            return _passed(step, value, source, target)
        case "stored":
            return (Reason("step_moved", "{source} is stored into {target}", source=source, target=target) if step.source
                    else Reason("step_stored", "the address of `{value}` is stored into {target}", value=value, target=target))
        case "returned":
            function = step.target[1] if len(step.target) > 1 else ""
            return (Reason("step_returns_from", "`{function}` returns {source}", function=function, source=source) if step.source
                    else Reason("step_returns", "`{function}` returns the address of `{value}`", function=function, value=value))
        case "read" if step.source[:1] in (["parameter"], ["local"], ["variable"]):
            return Reason("step_moved", "{source} is stored into {target}", source=source, target=target)
        case "read":
            return Reason("step_read", "{source} is read into {target}", source=source, target=target)
        case "named":
            return Reason("step_named", "the call itself names `{value}`", value=value)
        case "call":
            return Reason("step_call", "the call goes through `{expression}`", expression=n.get("expression", ""))
        case "more":
            return Reason("step_more", "{count} further steps are left out", count=n.get("count", ""))
        case "macro" if value:
            return Reason("step_macro_value", "macro `{macro}`, used in the next step, makes the name `{value}`",
                          macro=n.get("macro", ""), value=value)
        case "macro":
            return Reason("step_macro", "macro `{macro}` makes the call", macro=n.get("macro", ""))
    return _not_followed(step, value)


def _passed(step: PathStep, value: str, source: Reason, target: Reason) -> Reason:
    callee, position = step.names.get("callee", ""), step.names.get("position", "")
    if step.kind == "written_back":
        return Reason("step_written_back", "what is stored through {source} reaches {target}, whose address is passed here",
                      source=source, target=target)
    if step.target[:1] == ["variadic"]:
        what = source if step.source else Reason("step_value", "`{value}`", value=value)
        return Reason("step_passed_variadic", "{what} is passed among the variable arguments of `{callee}`", what=what, callee=callee)
    what = source if step.source else Reason("step_value", "`{value}`", value=value)
    return Reason("step_passed", "{what} is passed as argument {position} of `{callee}` (its parameter `{parameter}`)",
                  what=what, position=position, callee=callee, parameter=step.target[1] if len(step.target) > 1 else "")


def _not_followed(step: PathStep, value: str) -> Reason:
    """Steps of what flow does not know, and the openings by which others can come."""
    n = step.names
    member, struct = n.get("field", ""), n.get("struct", "")
    match step.kind:
        case "any_object":
            return Reason("step_any_object", "which object of `{struct}` is used here is not known: field `{member}` of any counts, "
                          "`{value}` among them", struct=struct, member=member, value=value)
        case "other_object":
            return Reason("step_other_object", "no way of `{value}` to this call is seen: it counts because field `{member}` is one for "
                          "all objects of `{struct}`", value=value, member=member, struct=struct)
        case "same_field":
            return Reason("step_same_field", "no flow was found: `{value}` is proposed because it is put into a field of the same name, "
                          "`{member}`", value=value, member=member)
        case "same_signature":
            return Reason("step_same_signature", "no flow was found: `{value}` is proposed because its parameters have the pointer's types "
                          "and its address is taken", value=value)
        case "same_arity":
            return Reason("step_same_arity", "no flow was found: `{value}` is proposed only because it takes as many arguments and its "
                          "address is taken", value=value)
    return _opening(step)


def _opening(step: PathStep) -> Reason:
    """Why there may be more."""
    n = step.names
    match step.kind:
        case "open_parameter":
            return Reason("open_parameter", "`{function}` is not static: code outside may call it with another function as `{parameter}`",
                          function=n.get("function", ""), parameter=n.get("parameter", ""))
        case "open_field":
            return Reason("open_field", "field `{member}` is reached where its struct is not known: others of that name may count too",
                          member=n.get("field", ""))
        case "open_callee":
            return Reason("open_callee", "what `{expression}` can hold was not found", expression=n.get("expression", ""))
        case "open_include":
            return Reason("open_include", "no file answers this #include: what {path} would put here is missing", path=n.get("path", ""))
        case "open_many":
            return Reason("open_many", "more places lead here than were followed")
        case "open_long":
            return Reason("open_long", "{count} candidates, of which an answer holds {most}",
                          count=n.get("count", ""), most=n.get("most", ""))
        case "open_no_flow":
            return Reason("open_no_flow", "no flow to this call was found: the candidates only look alike")
        case "open_outside":
            return Reason("open_outside", "`{value}` is not defined in this code (such candidates: {count})",
                          value=n.get("value", ""), count=n.get("count", ""))
        case "open_nothing":
            return Reason("open_nothing", "nothing in this code puts a function into `{expression}`", expression=n.get("expression", ""))
    return _place(step)


def _place(step: PathStep) -> Reason:
    """What a place of a callback or of an asynchronous pattern is."""
    match step.kind:
        case "at_registration":
            return Reason("at_registration", "the function is registered here")
        case "at_call":
            return Reason("at_call", "this call leads to it")
        case "at_sleeps":
            return Reason("at_sleeps", "this may sleep")
        case "at_lock":
            return Reason("at_lock", "a lock is held around this call")
        case "at_alike":
            return Reason("at_alike", "a function that is registered alike shows it")
        case "at_definition":
            return Reason("at_definition", "the function is defined here")
        case "at_bind":
            return Reason("at_bind", "bind: the handler is tied to the object")
        case "at_trigger":
            return Reason("at_trigger", "trigger: this makes the handler run")
        case "at_execute":
            return Reason("at_execute", "execute: this runs later")
        case "at_wait":
            return Reason("at_wait", "wait: this waits for it, or takes it back")
    return Reason("", "{code}", code=step.kind.removeprefix("at_"))


def spot_said(spot: list[str]) -> Reason:
    """A spot in words."""
    kind, name, of = (*spot, "", "", "")[:3]
    match kind:
        case "field" if of == UNNAMED:
            return Reason("spot_unnamed_field", "field `{member}` of an unnamed struct", member=name)
        case "field" if of:
            return Reason("spot_field", "field `{member}` of `{struct}`", member=name, struct=of)
        case "field":
            return Reason("spot_any_field", "field `{member}` of a struct that is not known", member=name)
        case "variable":
            return Reason("spot_variable", "variable `{name}`", name=name)
        case "local":
            return Reason("spot_local", "local `{name}` of `{function}`", name=name, function=of)
        case "parameter":
            return Reason("spot_parameter", "parameter `{name}` of `{function}`", name=name, function=of)
        case "result":
            return Reason("spot_result", "the result of `{function}`", function=name)
        case "variadic":
            return Reason("spot_variadic", "the variable arguments of `{function}`", function=name)
        case "called":
            return Reason("spot_called", "what a function called through a pointer returned")
    return Reason("spot_place", "a place without a name")
