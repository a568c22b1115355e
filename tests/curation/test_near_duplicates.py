import random

from hypothesis import given
from hypothesis import strategies as st

from curation.near_duplicates import NearTexts, clusters

CODE = """static int {n}(struct device *dev, void *data)
{{
	struct {n}_priv *p = data;
	p->ready = 1;
	return p->ops->start(dev, {k});
}}
"""
CHINESE = "中断处理函数运行在硬中断上下文中，不能睡眠；{x}由工作队列在进程上下文中执行。"


def test_a_changed_number_stays_a_near_duplicate_in_code_and_in_chinese():
    texts = [CODE.format(n="foo", k=1), CHINESE.format(x="后半部"), CODE.format(n="foo", k=7), CHINESE.format(x="下半部")]
    assert clusters(texts) == [0, 1, 0, 1]


def test_different_texts_stay_apart_and_blank_ones_are_never_alike():
    assert clusters(["int a;", "", "a completely different sentence", "", "  "]) == [0, 1, 2, 3, 4]


def test_equal_texts_are_always_one_cluster_even_of_one_token():
    assert clusters(["x", "y", "x"]) == [0, 1, 0]


@given(st.lists(st.text(alphabet="ab{}; 睡眠中断", max_size=40), max_size=12))
def test_equal_texts_share_a_cluster_numbered_by_its_first_member(texts):
    found = clusters(texts)
    assert found == clusters(texts)
    for i, number in enumerate(found):
        assert number <= i and found[number] == number
        assert not texts[i].strip() or found[texts.index(texts[i])] == number


def test_near_duplicates_are_found_among_many_texts():
    draw = random.Random(5)
    words = [f"word{n}" for n in range(3000)] + list("函数调用回调中断线程内核驱动")
    texts = [" ".join(draw.choices(words, k=60)) for _ in range(1500)]
    for n in range(0, 100):
        changed = texts[n].split()
        changed[draw.randrange(60)] = "changed"
        texts.append(" ".join(changed))
    found = clusters(texts)
    assert found[1500:] == list(range(100))
    assert found[:1500] == list(range(1500))


def test_the_nearest_text_is_named_with_its_score():
    near = NearTexts(threshold=0.7)
    near.add("one", CODE.format(n="foo", k=1))
    near.add("two", CHINESE.format(x="后半部"))
    key, score = near.nearest(CHINESE.format(x="下半部")) or ("", 0.0)
    assert key == "two" and 0.9 < score < 1
    assert near.nearest("completely unrelated words") is None
