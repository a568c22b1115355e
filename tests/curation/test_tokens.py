from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import BadValue
from curation.tokens import count, identity, rouge_l, tokens


def test_c_code_is_cut_as_a_lexer_cuts_it():
    assert tokens("p->x <<= 0x1FUL + 1e-3f; a&&b...") == ["p", "->", "x", "<<=", "0x1FUL", "+", "1e-3f", ";", "a", "&&", "b", "..."]


def test_each_chinese_character_is_a_token_also_beside_letters_and_digits():
    assert tokens("共3个回调cb，见f()。") == ["共", "3", "个", "回", "调", "cb", "，", "见", "f", "(", ")", "。"]


@given(st.text())
def test_no_character_but_white_space_is_lost(text):
    assert "".join(tokens(text)) == "".join(text.split())


@given(st.text(min_size=1), st.text())
def test_rouge_l_is_symmetric_within_bounds_and_one_for_equal_texts(a, b):
    assert rouge_l(a, a) == 1.0
    assert rouge_l(a, b) == rouge_l(b, a)
    assert 0.0 <= rouge_l(a, b) <= 1.0


def test_rouge_l_of_known_texts():
    assert rouge_l("a b c d", "a c d e") == pytest.approx(0.75)  # LCS a c d = 3; 2*3/8
    assert rouge_l("释放内存", "分配内存") == pytest.approx(0.5)
    assert rouge_l("释放", "int") == 0.0


def test_a_tokenizer_folder_counts_with_that_tokenizer(tmp_path):
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    made = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    made.pre_tokenizer = WhitespaceSplit()
    made.save(str(tmp_path / "tokenizer.json"))
    assert count("a->b c;", str(tmp_path)) == 2
    assert count("a->b c;") == 5


def test_a_tokenizer_that_cannot_be_loaded_is_named(tmp_path):
    (tmp_path / "tokenizer.json").write_text("not json")
    with pytest.raises(BadValue, match="tokenizer.json"):
        count("x", str(tmp_path))


def test_a_kept_model_is_named_as_training_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    from training import model_store

    made = Tokenizer(WordLevel({"a": 0, "?": 1}, unk_token="?"))
    made.pre_tokenizer = Whitespace()
    monkeypatch.setenv("FLOWSIGHT_TOOLS", str(tmp_path))
    folder = model_store.store_dir() / "kept-1.0"
    folder.mkdir(parents=True)
    made.save(str(folder / "tokenizer.json"))
    assert count("a b a", "kept-1.0") == 3
    assert identity("kept-1.0") == identity(str(folder))
