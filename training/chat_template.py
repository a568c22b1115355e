"""How does Ollama write a conversation exactly as the model was trained on it? A Hugging Face chat template (Jinja) as a Go template.

The Jinja text is not translated; it is asked. Rendering conversations of marked contents shows what stands before and after each role's
content, and those pieces make the Go template. That covers templates that wrap each message, with or without a default system message
(ChatML, Qwen2.5, DeepSeek-Coder, Llama 3, plain words), and no others: contents that are trimmed, tools, several system messages. So
the result is not trusted but compared: `render_go` reads the finished template and must give what the tokenizer gives, letter by letter.

What Ollama does with a template: ollama/ollama template/template.go (Execute, collate); with a Modelfile: parser/parser.go.

>>> go_template(tokenizer)
'{{ range .Messages }}{{ if eq .Role "system" }}<|im_start|>system\\n{{ .Content }}<|im_end|>\\n{{ else if ... }}<|im_start|>assistant\\n'
"""
from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Messages = Sequence[dict[str, str]]
Render = Callable[[Messages], str]
SYSTEM, USER, ANSWER = ("\u27e6system\u27e7", "\u27e6user\u27e7", "\u27e6answer\u27e7")  # contents that no template holds
_ACTION = re.compile(r"\{\{ (.*?) \}\}", re.DOTALL)


class NoGoTemplate(ValueError):
    """The chat template cannot be said as a Go template; the text tells why."""


def hf_render(tokenizer: Any, messages: Messages, generate: bool = True) -> str:
    """The conversation as the tokenizer's own chat template writes it, with the opening of the answer when `generate`."""
    return tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=generate)


def go_template(tokenizer: Any, adds_bos: bool = False) -> str:
    """The Go template. adds_bos: the file's tokenizer puts the begin token itself, so it is left out here.

    Raises NoGoTemplate when the pieces do not come apart, or when what they make differs from the tokenizer on `probes`."""
    template = _joined(*_pieces(tokenizer, adds_bos))
    check(template, tokenizer, probes(_takes_system(tokenizer)), adds_bos)
    return template


def _pieces(tokenizer: Any, adds_bos: bool) -> tuple[str | None, str, str, tuple[str, str], tuple[str, str], str]:
    """(what opens a system message at the start or None, what ends it, what opens a conversation without one, around user, around
    assistant, the opening of the answer)."""
    user, answer = {"role": "user", "content": USER}, {"role": "assistant", "content": ANSWER}
    alone = hf_render(tokenizer, [user], generate=False)
    opening = _after(alone, hf_render(tokenizer, [user]))
    first, user_end = _around(alone, USER)
    with_answer = hf_render(tokenizer, [user, answer], generate=False)
    between, answer_end = _around(with_answer, ANSWER)
    answer_start = _after(first + USER + user_end, between)
    user_start = _around(_after(with_answer, hf_render(tokenizer, [user, answer, user], generate=False)), USER)[0]
    if not first.endswith(user_start):
        raise NoGoTemplate("a first user message opens otherwise than a later one")
    start = _without_bos(tokenizer, first.removesuffix(user_start), adds_bos)
    if not _takes_system(tokenizer):
        return None, "", start, (user_start, user_end), (answer_start, answer_end), opening
    system_start, rest = _around(hf_render(tokenizer, [{"role": "system", "content": SYSTEM}, user], generate=False), SYSTEM)
    system_end = _around(rest, USER)[0]
    if not system_end.endswith(user_start):
        raise NoGoTemplate("a user message after a system message opens otherwise than one after an answer")
    system_start = _without_bos(tokenizer, system_start, adds_bos)
    return system_start, system_end.removesuffix(user_start), start, (user_start, user_end), (answer_start, answer_end), opening


def _takes_system(tokenizer: Any) -> bool:
    from jinja2 import TemplateError

    try:
        return SYSTEM in hf_render(tokenizer, [{"role": "system", "content": SYSTEM}, {"role": "user", "content": USER}])
    except TemplateError:
        return False


def _around(text: str, content: str) -> tuple[str, str]:
    if text.count(content) != 1:
        raise NoGoTemplate("a message's content is not written exactly once, as it stands")
    before, _, after = text.partition(content)
    return before, after


def _after(start: str, text: str) -> str:
    if not text.startswith(start):
        raise NoGoTemplate("a message changes how the ones before it are written")
    return text[len(start) :]


def _without_bos(tokenizer: Any, text: str, adds_bos: bool) -> str:
    if not adds_bos:
        return text
    if not tokenizer.bos_token or not text.startswith(tokenizer.bos_token):
        raise NoGoTemplate("the file's tokenizer adds a begin token that the chat template does not write")
    return text.removeprefix(tokenizer.bos_token)


def _joined(system: str | None, system_end: str, start: str, user: tuple[str, str], answer: tuple[str, str], opening: str) -> str:
    text = "{{ if not .System }}" + _literal(start) + "{{ end }}" if start else ""
    branches = [] if system is None else [("system", system, system_end)]
    branches += [("user", *user), ("assistant", *answer)]
    text += "{{ range .Messages }}"
    for i, (role, before, after) in enumerate(branches):
        text += f'{{{{ {"else " if i else ""}if eq .Role "{role}" }}}}' + _literal(before) + "{{ .Content }}" + _literal(after)
    return text + "{{ end }}{{ end }}" + _literal(opening)


def _literal(text: str) -> str:
    if '"""' in text or any(not (c.isprintable() or c in "\n\t") for c in text):
        raise NoGoTemplate("it holds characters that a Modelfile cannot hold")
    return text.replace("{{", '{{ "{{" }}')


def probes(system: bool = True) -> list[list[dict[str, str]]]:
    """Conversations to compare on: one and more turns, with and without a system message, contents that look like templates."""
    ask = {"role": "user", "content": 'int (*f)(void) = {{ 0 }};\n\nWhere does "f" lead? 函数指针？'}
    say = {"role": "assistant", "content": '{"targets":[]}\n\n{% none %} of <|these|>.'}
    again = {"role": "user", "content": "And\tg?"}
    found = [[ask], [ask, say, again], [ask, say, again, say, ask]]
    rules = {"role": "system", "content": "You explain C. 用中文回答。"}
    return found + ([[rules, *messages] for messages in found] if system else [])


def check(template: str, tokenizer: Any, conversations: Sequence[Messages], adds_bos: bool = False) -> int:
    """Renders each conversation both ways and gives their number. Raises NoGoTemplate at the first difference."""
    for messages in conversations:
        ours = render_go(template, messages)
        theirs = hf_render(tokenizer, messages)
        theirs = theirs.removeprefix(tokenizer.bos_token) if adds_bos and tokenizer.bos_token else theirs
        if ours != theirs:
            at = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
            raise NoGoTemplate(f"a conversation of {len(messages)} messages differs at character {at}: {theirs[at:at + 20]!r} "
                               f"would be {ours[at:at + 20]!r}")
    return len(conversations)


# ---- reading a Go template ----


def render_go(template: str, messages: Messages) -> str:
    """What Go's text/template makes of it as Ollama calls it: .System is all system messages, .Messages all messages. Only the actions
    that `go_template` writes are known: if eq/if not, else if, range, end, .Content, a string. Raises NoGoTemplate for another one."""
    system = "\n\n".join(m["content"] for m in messages if m["role"] == "system")
    nodes, rest = _parse(_tokens(template))
    if rest is not None:
        raise NoGoTemplate(f"unexpected {{{{ {rest} }}}}")
    return "".join(_run(nodes, {"System": system, "Messages": messages}))


def _tokens(template: str) -> Iterator[tuple[bool, str]]:
    """(is an action, its text or the literal text)"""
    at = 0
    for match in _ACTION.finditer(template):
        yield False, template[at : match.start()]
        yield True, match[1]
        at = match.end()
    yield False, template[at:]


def _parse(tokens: Iterator[tuple[bool, str]]) -> tuple[list[Any], str | None]:
    """Nodes up to an action that closes this block, and that action. A node: a string, ("print", what), ("if", condition, then, else),
    ("range", body)."""
    nodes: list[Any] = []
    for is_action, text in tokens:
        if not is_action:
            nodes.append(text)
        elif text == "end" or text.startswith("else "):
            return nodes, text
        elif text == "range .Messages":
            nodes.append(("range", _parse(tokens)[0]))
        elif text.startswith("if "):
            nodes.append(_parse_if(text, tokens))
        else:
            nodes.append(("print", text))
    return nodes, None


def _parse_if(text: str, tokens: Iterator[tuple[bool, str]]) -> tuple[Any, ...]:
    then, closed = _parse(tokens)
    other = [_parse_if(closed.removeprefix("else "), tokens)] if closed and closed.startswith("else ") else []
    return "if", text.removeprefix("if "), then, other


def _run(nodes: list[Any], dot: dict[str, Any]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node
        elif node[0] == "range":
            for message in dot["Messages"]:
                yield from _run(node[1], {"Role": message["role"], "Content": message["content"]})
        elif node[0] == "if":
            yield from _run(node[2] if _holds(node[1], dot) else node[3], dot)
        elif node[1] == ".Content":
            yield dot["Content"]
        elif node[1].startswith('"'):
            yield json.loads(node[1])
        else:
            raise NoGoTemplate(f"unknown action {{{{ {node[1]} }}}}")


def _holds(condition: str, dot: dict[str, Any]) -> bool:
    if condition == "not .System":
        return not dot["System"]
    if match := re.fullmatch(r'eq \.Role "(\w+)"', condition):
        return dot["Role"] == match[1]
    raise NoGoTemplate(f"unknown condition {condition}")


# ---- the Modelfile ----


def modelfile(gguf_name: str, template: str, stops: Sequence[str], context: int, system: str | None = None) -> str:
    """An Ollama Modelfile: greedy like the evaluation (temperature 0, no repeat penalty). context: tokens of prompt and answer. system: the
    prompt that the model was trained under; Ollama puts it before a conversation that has no system message of its own.

    Raises NoGoTemplate for a system prompt that a Modelfile cannot hold."""
    lines = [f"FROM ./{gguf_name}", "", f'TEMPLATE """{template}"""', ""]
    if system is not None:
        if '"""' in system or system.endswith('"'):
            raise NoGoTemplate("the system prompt holds quotes that a Modelfile cannot hold")
        lines += [f'SYSTEM """{system}"""', ""]
    lines += [f'PARAMETER stop "{stop}"' for stop in stops]
    lines += ["PARAMETER temperature 0", "PARAMETER repeat_penalty 1", f"PARAMETER num_ctx {context}"]
    return "\n".join(lines) + "\n"


def template_in(text: str) -> str:
    """The template that a Modelfile holds, between the triple quotes."""
    return text.partition('TEMPLATE """')[2].partition('"""\n')[0]
