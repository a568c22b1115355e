"""For each filter: what it must notice, and what it must let pass, in both languages."""
import tomllib
from pathlib import Path

import pytest

from curation.filters import Context, all_filters, flag, flag_items
from curation.model import Item, PairAnswer

CODE = """static irqreturn_t pump_irq(int irq, void *data)
{
\tstruct pump *p = data;

\tschedule_work(&p->work);
\treturn IRQ_HANDLED;
}
"""
QUESTION = "In which context does the handler below run, and may it sleep?"
ASKED = "下面的处理函数运行在什么上下文中？它可以睡眠吗？"
ANSWER = "It runs in hard interrupt context, so it must not sleep; the work it schedules runs in process context."
ANSWERED = "它运行在硬中断上下文中，因此不能睡眠；它调度的工作在进程上下文中执行。"


def pair(output, instruction=QUESTION, input=""):
    return PairAnswer(instruction=instruction, input=input, output=output)


NOTICED = {
    "refusal": [
        "I'm sorry, but I can't help with that.", "I am sorry, I cannot provide an answer to this question.",
        "I cannot assist with that request.", "I’m unable to help with this.", "As an AI language model, I do not have access to the code.",
        "Sorry, I can't comply.", "I apologize, but I cannot fulfill this request.", "**I'm sorry, but I can't** continue.",
        "抱歉，我无法回答这个问题。", "很抱歉，我不能提供相关内容。",
        "对不起，无法完成您的请求。", "作为一个AI语言模型，我没有办法查看这段代码。",
        "我无法提供这方面的帮助。", "非常抱歉，作为人工智能助手，我无法给出答案。",
    ],
    "leaked_thinking": ["<think>maybe</think>It calls `f`.", "<think>\nlet me look at", "maybe\n</think>\nf", "好的，用户问的是指针。它调用 f。"],
    "control_tokens": ["f<|im_end|>\n<|im_start|>user\nand g?", "f</s>", "[INST] q [/INST] f", "f\nHuman: and g?", "f<｜end▁of▁sentence｜>"],
    "template": ["`f`.\n\n###\n2. Instruction: Name it.\n2. Input: <noinput>", "f\n\n问题：g 呢？", "[Insert answer here]", "{{answer}}"],
    "escaped": ["i &lt; n &amp;&amp; p-&gt;run();", "\\u8f6f\\u4e2d\\u65ad", "<p>It runs.</p>", "one.\\nTwo.\\nThree."],
    "mojibake": ["ÔÚÈíÖÐ¶ÏÉÏÏÂÎÄÖÐÔËÐÐ", "åœ¨è½¯ä¸­æ–ä¸Šä¸‹æ–‡", "锟斤拷", "It doesnâ€™t sleep.", "它运行\ufffd"],
    "loop": ["It calls f. " * 6, "调用回调函数。" * 8, "f, then " * 12],
    "secret": ["key ghp_" + "aB3dE6gH" * 5, "AKIA" + "Q7ZP2MXK4LRT9WBN", "mail li@corp.cn", "-----BEGIN PRIVATE KEY-----", "手机 13912345678"],
    "hidden_characters": ["if (is_admin\u202e) {", "a\u200bb", "x\x1b[31m"],
    "no_answer": ["<output>", "N/A", "...", "TODO", "<noinput>", "待补充", "<答案>"],
}
PASSED = {
    "refusal": [
        "The process is killed by SIGILL: an illegal instruction was executed.", "ENOTTY: Inappropriate ioctl for device.",
        "I cannot help noticing that `p->run` is never assigned: run() stays NULL.", "Sorry state: the lock is held twice.",
        "The harmful part is the race between kill() and free(): it attacks the freed object.",
        "I/O cannot continue until the completion is signalled.", "Cannot be reached: the pointer is never assigned.",
        "I'm sorry, I can't say more than this:\n```c\nops->run = start;\n```", "As an AIO callback it runs in the completing thread.",
        "Unfortunately the handler sleeps while a spinlock is held.", "As an AI accelerator driver, it maps the queue into user space.",
        "非法指令会触发 SIGILL，进程被终止。", "该 ioctl 对此设备不合适，返回 -ENOTTY。",
        "抱歉，上面写错了：目标是 start()，它由 init() 赋值。",
        "无法睡眠：持有自旋锁。", "不能在此处调用 mutex_lock()。",
        "对不起，中断上下文中不能睡眠，这里应改用自旋锁。", "作为一个回调，它由内核线程调用。",
    ],
    "leaked_thinking": [ANSWER, "I think the lock is held.", "The thinking thread calls reason().", "首先调用 init()，然后调用 run()。"],
    "control_tokens": [ANSWER, "`a < b | c > d` compares.", "users: 3, groups: 1", "int s; /* <s> is no tag */ return s;", "#define USER 1"],
    "template": [ANSWER, "Answer: f", "1. lock()\n2. run()\n3. unlock()", "```c\nint a[] = {{1}, {2}};\n```", "## Result\nIt runs f."],
    "escaped": ["`printf(\"\\n\\t\\x41\");`", "a < b && p->run()", "List<int> holds them: List<int> again", "它打印 \"\\u4e2d\"。", "a & b; c &= d;"],
    "mojibake": [ANSWERED, "naïve café déjà vu", "Größe über Änderung", "×÷±°", "工作队列在进程上下文中执行。", "Ça marche, même à l’été."],
    "loop": ["lock(a);\nlock(b);\nlock(c);\nunlock(c);\nunlock(b);\nunlock(a);", "{0, 0, 0, 0, 0, 0, 0, 0}", "0x00 0x00 0x00 0x00 0x00 0x00", "----------------------"],
    "secret": ["127.0.0.1:8080", "192.168.0.12", "password = getpass(prompt);", "me@example.com", "version 4.19.0.12", "0x13812345678", "char *key = NULL;"],
    "hidden_characters": [ANSWERED, "a\tb\r\nc", "👩\u200d💻", "\ufeffint x;"],
    "contradiction": [ANSWER],
    "length": [ANSWER, ANSWERED, "中断处理函数中不能睡眠。"],
    "echo": [ANSWER, ANSWERED, "pump_irq"],
    "no_answer": ["none", "无", "0", "start", "空指针", "NULL", "N/A is not what this returns."],
    "cut_code": [
        "The macro expands to `{`, which is closed later.", "```c\nif (a) {\n\tputs(\"}\");  /* { */\n}\n```",
        "这里的 `(` 没有配对，是宏造成的。",
        "```c\n#ifdef A\nif (a) {\n#else\nif (b) {\n#endif\n}\n```",
        "a) first, b) then", "1) 先注册；2) 再触发。",
        "```c\nchar c = '{';\n```\n以及\n```\nplain\n```",
    ],
}


@pytest.mark.parametrize(("name", "output"), [(n, o) for n, outputs in NOTICED.items() for o in outputs])
def test_what_a_filter_must_notice(name, output):
    assert [f.filter for f in all_filters()[name](pair(output), Context())] == [name]


@pytest.mark.parametrize(("name", "output"), [(n, o) for n, outputs in PASSED.items() for o in outputs])
def test_what_a_filter_must_let_pass(name, output):
    assert all_filters()[name](pair(output), Context()) == []


@pytest.mark.parametrize(("lang", "row"), [
    ("en", pair(ANSWER, QUESTION, CODE)),
    ("zh", pair(ANSWERED, ASKED, CODE)),
    ("zh", pair('{"context":"hardirq","may_sleep":"no"}\n\n' + ANSWERED, ASKED, CODE)),
])
def test_a_good_row_has_no_flag_at_all(lang, row):
    assert flag(row, Context(lang=lang)) == []


def test_length_counts_the_whole_row_in_tokens():
    [short] = flag(pair("yes", "Does it sleep?"), Context())
    assert (short.filter, short.params) == ("length", {"tokens": 5, "min": 10, "max": 4096})
    [long] = [f for f in flag(pair("睡" * 4100, "能睡眠吗"), Context()) if f.filter == "length"]
    assert long.params["tokens"] == 4104


@pytest.mark.parametrize(("instruction", "input", "output", "part"), [
    (QUESTION, "", QUESTION, "instruction"), (ASKED, "", ASKED.replace("？", "。"), "instruction"),
    ("Explain this handler.", CODE, CODE.replace("\t", "    "), "input"),
])
def test_an_answer_that_repeats_what_was_asked_is_an_echo(instruction, input, output, part):
    assert [f.params for f in all_filters()["echo"](pair(output, instruction, input), Context())] == [{"part": part}]


def test_code_given_back_with_comments_is_no_echo():
    commented = CODE.replace("schedule_work", "/* runs later, in process context */\n\tschedule_work")
    assert all_filters()["echo"](pair(commented, "Comment this handler.", CODE), Context()) == []


@pytest.mark.parametrize(("input", "output", "part", "sign"), [
    (CODE[:-2], ANSWER, "input", "{"), ("", "It is:\n```c\nint f(void);\n", "output", "```"), ("", "```c\nf((1);\n```", "output", "("),
    ("", "如下：\n```c\nint f(void) }\n```", "output", "}"),
])
def test_code_that_was_cut_is_noticed(input, output, part, sign):
    assert [f.params for f in all_filters()["cut_code"](pair(output, QUESTION, input), Context())] == [{"part": part, "sign": sign}]


@pytest.mark.parametrize(("lang", "instruction", "output", "parts"), [
    ("zh", ASKED, ANSWER, ["output"]), ("en", QUESTION, ANSWERED, ["output"]), ("zh", QUESTION, ANSWER, ["instruction", "output"]),
    # code alone, short names, quoted comments and API names are no language
    ("zh", ASKED, CODE, []), ("en", QUESTION, CODE, []), ("zh", ASKED, "pump_irq", []),
    ("en", QUESTION, "```c\n/* 中断处理函数，不能睡眠 */\n```", []),
    ("en", QUESTION, ANSWER + ' The comment says "不能睡眠".', []), ("zh", ASKED, "由 request_irq() 注册，hard IRQ context 中执行。", []),
    (None, ASKED, ANSWER, ["output"]), (None, "Answer in English: " + ASKED, ANSWER, []), ("en", "What does t() call?", "它调用函数 f。", ["output"]),
])
def test_the_wrong_language_is_noticed_in_prose_only(lang, instruction, output, parts):
    found = all_filters()["wrong_language"](pair(output, instruction), Context(lang=lang))
    assert [f.params["part"] for f in found] == parts


def item(name, payload, task="self_instruct", lang="en"):
    return Item(id=name, task=task, origin="imported", lang=lang, payload=payload, group=name)


def test_near_duplicates_are_noticed_against_known_items_and_within_a_batch():
    first = item("first", pair(ANSWER, QUESTION, CODE).model_dump())
    again = item("again", pair(ANSWER + " Really.", QUESTION, CODE).model_dump())
    other = item("other", pair(ANSWERED, ASKED, "int main(void)\n{\n\treturn run();\n}\n").model_dump(), lang="zh")
    context = Context()
    context.remember([first])
    flagged = flag_items([again, other, other.model_copy(update={"id": "twin"})], context)
    found = [[(f.filter, f.params["of"]) for f in i.flags if f.filter == "near_duplicate"] for i in flagged]
    assert found == [[("near_duplicate", "first")], [], [("near_duplicate", "other")]]


def test_the_same_question_about_other_code_is_no_near_duplicate():
    other = "int queue_init(struct queue *q)\n{\n\tq->pop = list_pop;\n\tq->push = list_push;\n\treturn mutex_init(&q->lock, NULL);\n}\n"
    context = Context()
    context.remember([item("first", pair(ANSWER, QUESTION, CODE).model_dump())])
    assert flag(pair("In the thread that called queue_init(); nothing there sleeps.", QUESTION, other), context) == []


def test_both_answers_of_a_preference_pair_are_looked_at():
    payload = {"prompt": QUESTION, "a": ANSWER, "b": "I'm sorry, but I can't help with that."}
    [flagged] = flag_items([item("p", payload, "preference")], Context())
    assert [(f.filter, f.params["answer"]) for f in flagged.flags] == [("refusal", "b")]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_filter_has_its_sentence_in_both_languages(lang):
    path = Path(__file__).parents[3] / "ui" / "locales" / f"{lang}.toml"
    assert set(all_filters()) <= set(tomllib.loads(path.read_text("utf-8"))["filter"])


POINTER = """static int go(void) { return 1; }
static int halt(void) { return 2; }
static int (*step)(void) = go;
int run(void)
{
\treturn step();
}
"""


@pytest.mark.parametrize(("topic", "output", "names"), [
    ("function_pointer", '{"targets":[{"name":"go"}],"completeness":"complete"}', []),
    ("function_pointer", '{"targets":[{"name":"start"}],"completeness":"complete"}', ["claimed_names", "claimed_targets"]),
    ("function_pointer", '{"targets":[{"name":"halt"}],"completeness":"complete"}', ["claimed_targets"]),
    ("function_pointer", '{"targets":[{"name":"go","line":900}],"completeness":"complete"}', ["claimed_names"]),
    ("function_pointer", '{"targets":["go"],"completeness":"complete"}', []),
    ("function_pointer", "It is go().", []), ("function_pointer", '{"targets": 3}', []), ("function_pointer", '{"targets":' + "[" * 5000, []),
    ("callback_timing", '{"context":"process","may_sleep":true,"chain":["handle_irq_event","run"]}', []),
    ("async_pattern", '{"mechanism":"workqueue","handler":"ghost","phases":[]}', ["claimed_names"]),
    ("self_instruct", '{"targets":[{"name":"start"}]}', []), (None, '{"targets":[{"name":"start"}]}', []),
])
def test_what_an_answer_claims_of_the_code_is_looked_up_in_it(topic, output, names):
    row = pair(output + "\n\nIt is so.", "What does step() reach?", POINTER)
    assert [f.filter for f in flag(row, Context(topic=topic)) if f.filter.startswith("claimed")] == names
