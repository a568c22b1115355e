"""What is a model asked for? Request bodies for Self-Instruct pairs and for the two answers of a preference pair.

The method: Wang et al., "Self-Instruct" (2023): a few seed examples, then "write new ones". With an excerpt of real code the new examples
are about that code, as in Wei et al., "Magicoder: OSS-Instruct" (2024).

>>> pairs_body(Ask(model="m", lang="en", topic="function_pointer", seeds=load("function_pointer")[:3], wanted=4, variety="a device driver"))
{'model': 'm', 'messages': [{'role': 'system', ...}, {'role': 'user', 'content': 'Write 4 new examples ...'}], 'temperature': 0.9, ...}
"""
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from curation.model import Lang
from curation.pairs.seeds import Seed
from curation.tasks import all_tasks

_GENERAL: dict[Lang, str] = {
    "en": "how C programs really execute: control flow, callbacks, concurrency",
    "zh": "C 程序的实际执行流程：控制流、回调与并发",
}

_SYSTEM: dict[Lang, str] = {
    "en": (
        "You write training examples for a model that explains how C programs really flow. The subject: {subject}. An example has an"
        " `instruction` (the question), an `input` (correct C code of 8 to 40 lines that the question is about, complete enough to answer"
        " it) and an `output` (the right answer, which follows from the code alone; name functions and reasons, guess nothing).{shape}"
        " Write instruction and output in English. Reply with nothing but a JSON list of objects with the keys instruction, input"
        " and output."
    ),
    "zh": (
        "你在为一个讲解 C 程序实际执行流程的模型编写训练样例。主题：{subject}。每个样例包含 `instruction`（问题）、"
        "`input`（问题所针对的 C 代码，8 到 40 行，语法正确，信息足以作答）和 `output`（正确答案，只能由代码推出；"
        "要写明函数名和推理依据，不得猜测）。{shape}instruction 和 output 用中文书写，代码标识符保持原样。"
        "只回复一个 JSON 列表，列表元素是含 instruction、input、output 三个键的对象，不要写其他内容。"
    ),
}
_SHAPE: dict[Lang, str] = {
    "en": (
        " The output's first line is the answer as one JSON object with exactly the keys of the examples' first lines; then a blank"
        " line, then the explanation."
    ),
    "zh": "output 的第一行是一个 JSON 对象，键与示例第一行完全相同；空一行之后写解释。",
}
_WRITE: dict[Lang, str] = {
    "en": "Write {wanted} new examples, unlike each other and unlike these in code, names and question. Let them be about {variety}.",
    "zh": "请写 {wanted} 个新样例，彼此之间以及与下列示例之间，代码、命名和提问都要不同。题材：{variety}。",
}
_ABOUT_CODE: dict[Lang, str] = {
    "en": "Write {wanted} new examples about the code below. Copy the part a question is about into its input as it stands.",
    "zh": "请针对下面的代码写 {wanted} 个新样例，把问题涉及的代码原样抄入 input。",
}
_EXAMPLES: dict[Lang, str] = {"en": "Examples:", "zh": "示例："}
_CODE: dict[Lang, str] = {"en": "Code:", "zh": "代码："}

VARIETIES: dict[Lang, tuple[str, ...]] = {
    "en": (
        "a kernel device driver", "a network server's event loop", "a plugin loader", "a protocol's state machine",
        "a file system", "a command-line tool", "a memory allocator with hooks", "a thread pool", "a sensor hub's firmware",
        "a parser with visitor callbacks", "a logging library", "signal handling", "a timer wheel", "a USB or PCI driver",
        "a block or network device queue", "a test framework", "a graphics or audio pipeline", "a database's storage engine",
    ),
    "zh": (
        "内核设备驱动", "网络服务器的事件循环", "插件加载器", "协议状态机", "文件系统", "命令行工具",
        "带钩子的内存分配器", "线程池", "传感器固件", "带访问者回调的解析器", "日志库", "信号处理",
        "时间轮定时器", "USB 或 PCI 驱动", "块设备或网络设备队列", "测试框架", "图形或音频流水线", "数据库存储引擎",
    ),
}
_ANSWER: dict[Lang, str] = {
    "en": "You explain how C programs really flow. Answer the question about the code precisely and briefly; say what it does not show.",
    "zh": "你讲解 C 程序的实际执行流程。请准确、简洁地回答关于代码的问题；代码中看不出的内容要如实说明。",
}


@dataclass(frozen=True)
class Ask:
    """wanted: number of pairs asked for. code: an excerpt of real C to ask about; None: the model invents the code. variety: what
    the invented code should be about. seed: for endpoints that sample by it."""

    model: str
    lang: Lang
    topic: str
    seeds: Sequence[Seed]
    wanted: int
    variety: str = ""
    code: str | None = None
    temperature: float = 0.9
    max_tokens: int = 4096
    seed: int | None = None


def pairs_body(ask: Ask) -> dict[str, Any]:
    """The body of a request for new pairs. The number wanted stands first in the user's message."""
    task = all_tasks().get(ask.topic)
    subject = (task.subject if task is not None else None) or _GENERAL
    shape = _SHAPE[ask.lang] if subject is not _GENERAL else ""
    write = _WRITE[ask.lang] if ask.code is None else _ABOUT_CODE[ask.lang]
    examples = [json.dumps(seed.pair(ask.lang).model_dump(), ensure_ascii=False) for seed in ask.seeds]
    parts = [write.format(wanted=ask.wanted, variety=ask.variety), _EXAMPLES[ask.lang], *examples]
    if ask.code is not None:
        parts += [_CODE[ask.lang], ask.code]
    system = _SYSTEM[ask.lang].format(subject=subject[ask.lang], shape=shape)
    return _body(ask.model, system, "\n\n".join(parts), ask.temperature, ask.max_tokens, ask.seed)


def answer_body(model: str, lang: Lang, prompt: str, temperature: float, max_tokens: int, seed: int | None) -> dict[str, Any]:
    """The body of a request for one answer to a prompt."""
    return _body(model, _ANSWER[lang], prompt, temperature, max_tokens, seed)


def _body(model: str, system: str, user: str, temperature: float, max_tokens: int, seed: int | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
        "temperature": temperature,
        "max_tokens": max_tokens,
    }
    return body if seed is None else {**body, "seed": seed}
