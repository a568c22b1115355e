"""Encodings of source files."""
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.csource import Undecodable, decode

CHINESE = "/* 打开设备，失败时返回负数 */\nint open_device(void);\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_unicode_with_and_without_a_mark_is_read(encoding):
    text = "int a;\n" * 20 + CHINESE
    assert decode(text.encode(encoding)).text == text


@pytest.mark.parametrize("encoding", ["gbk", "gb2312", "gb18030"])
def test_chinese_national_encodings_are_told_from_latin_1(encoding):
    assert decode(CHINESE.encode(encoding)) == decode(CHINESE.encode("gb18030"))
    assert decode(CHINESE.encode(encoding)).encoding == "gb18030"


def test_latin_1_names_in_comments_are_not_taken_for_chinese():
    found = decode("/* André Müller, Señor Ångström: déjà vu */\nint x;\n".encode("latin-1"))
    assert found.encoding == "latin-1"
    assert "André Müller" in found.text


def test_line_ends_become_newlines():
    assert decode(b"a\r\nb\rc\n").text == "a\nb\nc\n"


@pytest.mark.parametrize("data", [b"int a;\nint\0b;\n", b"\x7fELF\x02\x01\x01\0\0\0\0", b"\xef\xbb\xbfint a\0;"])
def test_nul_bytes_are_refused_with_the_reason(data):
    with pytest.raises(Undecodable, match="NUL"):
        decode(data)


def test_binary_without_nul_bytes_is_refused():
    with pytest.raises(Undecodable):
        decode(bytes(range(1, 32)) * 20 + b"\xff\xfe\xfd" * 9)


@given(st.binary(max_size=400))
def test_any_bytes_give_a_text_without_nul_or_the_named_error(data):
    try:
        assert "\0" not in decode(data).text
    except Undecodable as err:
        assert err.params["why"]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=200))
def test_utf_8_always_comes_back(text):
    assert decode(text.encode()).text == text.removeprefix("\ufeff")
