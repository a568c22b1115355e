"""How much noise do the filters notice, and how many clean rows do they flag? On rows that the project writes, Chinese and English.

    python benchmarks/filter_quality.py [--seed 1] [--show]

Clean rows: questions and answers about C (written below, with names drawn by seed), and C texts that lists of forbidden words would delete. Noise:
refusals, requests for the code, leaked thinking, control tokens, hanging instructions, templates, loops, wrong encodings, escapes, entities, secrets,
hidden characters, mixed languages, echoes, cut code, placeholders and contradictions, each put on a clean row. A noisy row is found when any filter
flags it. `near_duplicate` and `length` are left out: they are about the set, not the row. Goal: 0.95 of the noise, 0.01 of the clean rows.
"""
from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from curation.filters import Context, all_filters  # noqa: E402
from curation.model import Item, Lang, PairAnswer  # noqa: E402

NAMES = ["uart_rx", "pump", "flush", "on_tick", "queue_pop", "dma_done", "led_set", "codec_open", "frame_end", "poll_fd", "menu_draw", "sock_read"]
STRUCTS = ["ops", "vtable", "driver", "handler", "backend", "proto"]
CODE = [
    "static void {f}(struct dev *d)\n{{\n\td->{s}->run(d);\n}}\n",
    "int {f}_init(struct ctx *c)\n{{\n\tc->{s} = &{f}_{s};\n\treturn register_{s}(c, {f});\n}}\n",
    "static irqreturn_t {f}_irq(int irq, void *data)\n{{\n\tschedule_work(&((struct dev *)data)->work);\n\treturn IRQ_HANDLED;\n}}\n",
    "static const struct {s} {f}_{s} = {{\n\t.open = {f}_open,\n\t.run = {f},\n}};\n",
]
EN = [
    ("Which function does `d->{s}->run(d)` reach?", "It reaches {f}(): {f}_init() stores &{f}_{s}, whose member run is {f}."),
    ("In which context does {f}_irq run, and may it sleep?", "It runs in hard interrupt context and must not sleep; the work it schedules runs in process context."),
    ("When is {f} called?", "After register_{s}() has stored it, each time the core sees the event; never before {f}_init() has returned."),
    ("What happens if {f} returns -EINVAL?", "The caller frees the context and hands the error up; an illegal argument is thus reported, not ignored."),
    ("Name the lock that is held when {f} runs.", "The spinlock of the queue: the dispatcher takes it before it walks the list of handlers, so {f} cannot call mutex_lock()."),
    ("Does {f} run on the same thread as its caller?", "No. It is queued by queue_work() and a worker thread runs it later; the caller does not wait."),
    ("Why can the pointer {s}->run be NULL here?", "Because {f}_open() fills it only when the device was found. Without a device the table stays zeroed and the call would crash."),
    ("What does the message \"cannot open {f}\" mean?", "\"Sorry, cannot open the device\" is printed by perror when open() fails with EACCES; {f} then returns 1."),
    ("How is {f} unregistered?", "By unregister_{s}(), which removes it from the list and waits for running calls to end."),
    ("Which signal kills the process when {f} jumps to data?", "SIGILL: an illegal instruction was executed. The handler of {f} is not entered again."),
    ("Is the answer of {f} used?", "I would say no: the caller casts it to void, and nothing reads the member afterwards."),
    ("What does `{s}` hold after {f}_init()?", "```c\nc->{s} = &{f}_{s};   /* .run = {f} */\n```\nso the next call through it runs {f}."),
    ("List the callees of {f} in order.", "1. lock_dev()\n2. {f}_open()\n3. unlock_dev()\nThe last one runs on the error path too."),
    ("Summarize {f} as JSON.", '{{"targets": ["{f}"], "complete": true}}\n\nThe table has one entry, and nobody stores another.'),
    ("What is the default address of {f}'s server?", "127.0.0.1, port 8080: both are macros in {f}.h, and a flag replaces them."),
]
ZH = [
    ("`d->{s}->run(d)` 会调用哪个函数？", "调用 {f}()：{f}_init() 把 &{f}_{s} 存入 {s}，其 run 成员就是 {f}。"),
    ("{f}_irq 在什么上下文中运行？可以睡眠吗？", "它运行在硬中断上下文中，不能睡眠；它调度的工作在进程上下文中执行。"),
    ("{f} 什么时候被调用？", "register_{s}() 保存它之后，每当核心检测到事件时都会调用；在 {f}_init() 返回之前不会调用。"),
    ("如果 {f} 返回 -EINVAL 会怎样？", "调用者释放上下文并把错误向上返回；非法参数因此被报告，而不是被忽略。"),
    ("{f} 运行时持有哪把锁？", "持有队列的自旋锁：分发者在遍历处理函数链表之前取得它，所以 {f} 中不能调用 mutex_lock()。"),
    ("{f} 与调用者在同一个线程中运行吗？", "不在。它由 queue_work() 排队，稍后由工作线程执行，调用者不会等待。"),
    ("为什么这里的 {s}->run 可能为空？", "因为只有找到设备时 {f}_open() 才会填写它；没有设备时表仍为零，直接调用会崩溃。"),
    ("“无法打开 {f}”这条消息是什么意思？", "“抱歉，无法打开设备”是 open() 以 EACCES 失败时由 perror 打印的，随后 {f} 返回 1。"),
    ("{f} 如何注销？", "通过 unregister_{s}()：它把该函数从链表中移除，并等待正在进行的调用结束。"),
    ("{f} 跳到数据区时进程会收到什么信号？", "SIGILL：执行了非法指令。{f} 的处理函数不会再次进入。"),
    ("有人使用 {f} 的返回值吗？", "没有：调用者把它转换为 void，之后也没有代码读取该成员。"),
    ("{f}_init() 之后 `{s}` 中是什么？", "```c\nc->{s} = &{f}_{s};   /* .run = {f} */\n```\n因此下一次通过它的调用会运行 {f}。"),
    ("依次列出 {f} 调用的函数。", "1. lock_dev()\n2. {f}_open()\n3. unlock_dev()\n出错时也会执行最后一个。"),
    ("用 JSON 概括 {f}。", '{{"targets": ["{f}"], "complete": true}}\n\n表里只有一项，没有别处再写入。'),
    ("{f} 的處理函數可以睡眠嗎？", "不可以：它在軟中斷上下文中執行，持有自旋鎖，不能呼叫可能睡眠的函數。"),
]
REFUSALS_EN = [
    "I'm sorry, but I can't assist with that request.", "I cannot determine which function is called without seeing the rest of the code.",
    "Sorry, there is not enough information to answer this question.", "As an AI language model, I don't have access to your source tree.",
    "I don't have enough context to say which handler runs.", "Could you please provide the code of the driver?", "Please share the source code so I can help.",
    "Unfortunately, I am unable to analyze this snippet.", "Without more context, it is impossible to tell.", "It is not possible to determine the target from this.",
    "I apologize, but I cannot complete this task.", "I'm not able to see the definition of that function.", "There is insufficient information to identify the callee.",
    "I would need more details about the driver to answer.", "I'm just an AI and cannot run code.", "My apologies, but I can't provide that.",
    "We are unable to process this request.", "Not enough context was given to answer.", "I can't tell which function that is.", "I am not sure which handler you mean.",
    "Sorry, but could you share the full file?", "If you could provide more code, I would be happy to help.",
]
REFUSALS_ZH = [
    "抱歉，我无法回答这个问题。", "对不起，我不能提供相关内容。", "很抱歉，由于缺少上下文，无法判断。", "由于您没有提供完整代码，我无法确定调用的是哪个函数。", "请提供更多代码，以便我进行分析。",
    "作为一个AI语言模型，我无法访问您的代码。", "信息不足，无法给出答案。", "我没有办法判断它的上下文。", "不好意思，这个问题超出了我的知识范围。", "您好，我暂时无法回答该问题。",
    "非常抱歉，我不便讨论这个话题。", "麻烦您提供一下相关的源码片段。", "我是一个人工智能助手，不能执行代码。", "抱歉，目前没有足够的信息来回答。", "上下文不足，无法确定。",
    "抱歉，我無法提供這方面的協助。", "對不起，我沒辦法回答。", "請提供完整的程式碼。", "很遗憾，我无法给出准确的答案。", "因为没有给出定义，所以无法判断目标。",
]
TOKENS = ["<|im_end|>", "<|endoftext|>", "</s>", "[INST]", "<|eot_id|>", "<｜end▁of▁sentence｜>", "<end_of_turn>", "<|assistant|>"]
SECRETS = ["AKIA" + "Q7ZP2MXK4LRT9WBN", "ghp_" + "x9Kd2mQ7" * 5, "password = \"hunter2024x\"", "contact zhang.wei@corp-mail.cn", "电话 13812345678", "-----BEGIN RSA PRIVATE KEY-----",
           "sk-" + "aB3dE6gH9" * 3, "server at 47.98.131.22", "xoxb-" + "1234567890-abcdef"]


@dataclass(frozen=True)
class Labeled:
    """kind: "clean", or the family of the noise."""

    row: PairAnswer
    lang: Lang
    kind: str


def clean(number: int, draw: random.Random) -> list[Labeled]:
    made = []
    for n in range(number):
        lang: Lang = "en" if n % 2 else "zh"
        words = {"f": draw.choice(NAMES), "s": draw.choice(STRUCTS)}
        asked, answer = (part.format(**words) for part in draw.choice(EN if lang == "en" else ZH))
        code = draw.choice(["", *CODE]).format(**words)
        made.append(Labeled(PairAnswer(instruction=asked, input=code, output=answer), lang, "clean"))
    return made


def noise(number: int, draw: random.Random) -> list[Labeled]:
    """Clean rows, each spoilt in one way; the families take turns."""
    kinds = list(_SPOIL)
    return [_spoilt(kinds[n % len(kinds)], row, draw) for n, row in enumerate(clean(number, draw))]


def _spoilt(kind: str, good: Labeled, draw: random.Random) -> Labeled:
    row, lang = good.row, good.lang
    if kind == "mixed_language":
        other = draw.choice(ZH if lang == "en" else EN)[1].format(f="pump", s="ops")
        while "```" in other or other.startswith(("1.", "{")) or "漢" in other:
            other = draw.choice(ZH if lang == "en" else EN)[1].format(f="pump", s="ops")
        return Labeled(row.model_copy(update={"output": other}), lang, kind)
    return Labeled(row.model_copy(update={"output": _SPOIL[kind](row, lang, draw)}), lang, kind)


def _thinking(row: PairAnswer, lang: str, draw: random.Random) -> str:
    thought = "the user asks about a pointer, maybe g" if lang == "en" else "用户问的是指针，可能是 g"
    return draw.choice([f"<think>\n{thought}\n</think>\n\n{row.output}", f"<think>\n{thought}", f"<thinking>{thought}</thinking>{row.output}", f"{thought}\n</think>\n{row.output}",
                        ("Okay, let me look at this first. " if lang == "en" else "好的，我先来看一下。") + row.output])


def _next(row: PairAnswer, lang: str, draw: random.Random) -> str:
    return row.output + draw.choice(["\n\n###\n2. Instruction: Name the callee in open().\n2. Input: <noinput>", "\n\n### Instruction:\nWhat next?", "\n\nQuestion: what does g() do?",
                                     "\n\n指令：说明 g() 的作用\n输出：略", "\n\n问题：g() 何时运行？", "\n\nUser: and g()?\nAssistant: it runs h()."])


def _loop(row: PairAnswer, lang: str, draw: random.Random) -> str:
    piece = draw.choice(["It calls the handler. ", "the callback, then ", "which is called by run() "]) if lang == "en" else draw.choice(["它会调用处理函数。", "然后回调，", "由工作队列执行。"])
    return row.output + " " + piece * draw.randint(9, 20)


def _mojibake(row: PairAnswer, lang: str, draw: random.Random) -> str:
    text = "在软中断上下文中运行，不能睡眠。"
    return draw.choice([
        text.encode("gbk").decode("latin-1"), text.encode().decode("latin-1"), text.encode().decode("gb18030", errors="replace"), "它运行在\ufffd\ufffd上下文中",
        "锟斤拷锟斤拷", text.encode().decode("cp1252", errors="replace"), "It doesnâ€™t sleep here.",
    ])


def _escaped(row: PairAnswer, lang: str, draw: random.Random) -> str:
    return draw.choice([
        "for (i = 0; i &lt; n; i++) p-&gt;run();", "软中断".encode("unicode_escape").decode(), "<p>It calls <b>run</b>.</p>", "a &amp;&amp; b", "It says &quot;done&quot;.",
        row.output.split("\n")[0] + "\\nThen it returns.\\nNothing else runs.", "第一行\\n\\n第二行\\n第三行", "<br/>它运行在<br/>进程上下文",
    ])


_SPOIL = {
    "refusal": lambda row, lang, draw: draw.choice(REFUSALS_EN if lang == "en" else REFUSALS_ZH),
    "refusal_again": lambda row, lang, draw: draw.choice(REFUSALS_EN if lang == "en" else REFUSALS_ZH) + (" Thank you." if lang == "en" else "谢谢。"),
    "thinking": _thinking,
    "token": lambda row, lang, draw: row.output + draw.choice(TOKENS) + draw.choice(["", "\nuser"]),
    "next": _next,
    "template": lambda row, lang, draw: draw.choice(["[Insert the answer here]", "{{ answer }}", "It calls [function name]. [Your explanation]", "在此填写答案", "Lorem ipsum dolor sit amet."]),
    "loop": _loop,
    "mojibake": _mojibake,
    "escaped": _escaped,
    "secret": lambda row, lang, draw: row.output + "\n" + draw.choice(SECRETS),
    "hidden": lambda row, lang, draw: row.output[:5] + draw.choice(["\u202e", "\u200b", "\u2066", "\x07", "\x1b[31m"]) + row.output[5:],
    "mixed_language": None,
    "echo": lambda row, lang, draw: row.instruction,
    "cut": lambda row, lang, draw: row.output.split("\n")[0] + "\n```c\nint f(void)\n{\n\tif (x) {",
    "placeholder": lambda row, lang, draw: draw.choice(["<output>", "TODO", "N/A", "...", "待补充", "<noinput>"]),
}


def flags(labeled: Labeled) -> list[str]:
    """The names of the filters that notice something in a row by itself."""
    context = Context(lang=labeled.lang)
    left_out = {"near_duplicate", "length"}
    return [name for name, check in all_filters().items() if name not in left_out and check(labeled.row, context)]


def contradictions() -> Iterator[bool]:
    """Whether the second answer to each question is told to contradict the first."""
    for n, (asked, answer) in enumerate([*EN, *ZH]):
        context = Context()
        payload = {"instruction": asked, "input": "", "output": answer}
        context.remember([Item(id=str(n), task="self_instruct", origin="imported", payload=payload, group="g")])
        yield bool(all_filters()["contradiction"](PairAnswer(instruction=asked + " ", output="g"), context))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=900, help="of each sort")
    parser.add_argument("--show", action="store_true", help="print what is missed and what is flagged wrongly")
    given = parser.parse_args()
    draw = random.Random(given.seed)
    good, bad = clean(given.rows, draw), noise(given.rows, draw)
    wrong = [(labeled, found) for labeled in good if (found := flags(labeled))]
    missed = [labeled for labeled in bad if not flags(labeled)]
    if given.show:
        for labeled, found in wrong:
            print("flagged", found, labeled.row.output[:100].replace("\n", "\\n"))
        for labeled in missed:
            print("missed", labeled.kind, labeled.row.output[:100].replace("\n", "\\n"))
    print(f"noise noticed: {1 - len(missed) / len(bad):.4f} of {len(bad)}; clean rows flagged: {len(wrong) / len(good):.4f} of {len(good)}; "
          f"contradictions noticed: {sum(contradictions())} of {len(EN) + len(ZH)}")
    print("missed by family:", dict(Counter(labeled.kind for labeled in missed)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
