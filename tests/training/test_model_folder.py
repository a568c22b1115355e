"""Folders and GGUF files that were cut off or made to do harm: BadModelFolder or BadGguf with the place, never anything else."""
from __future__ import annotations

import json
import random
import struct
from pathlib import Path

import pytest

from curation.errors import BadModelFolder
from training import gguf, models
from training.model_folder import check_model_folder

DEEP = "[" * 100_000 + "]" * 100_000
HEADER = {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}


def _weights(header: bytes, length: int | None = None) -> bytes:
    return (len(header) if length is None else length).to_bytes(8, "little") + header + b"\0" * 8


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2", "num_hidden_layers": 2, "vocab_size": 512}))
    (tmp_path / "model.safetensors").write_bytes(_weights(json.dumps(HEADER).encode()))
    (tmp_path / "tokenizer.json").write_text("{}")
    return tmp_path


CONFIGS = [
    ('{"model_type": "qwen2", "auto_map": 5}', "auto_map"), ('{"model_type": "qwen2", "auto_map": ["AutoConfig"]}', "auto_map"),
    ('{"model_type": "qwen2", "auto_map": {"AutoConfig": "x.Y"}}', "never run"), (DEEP, "nested"), ('{"a": ' + DEEP + "}", "nested"),
    ("[]", "no JSON object"), ('"qwen2"', "no JSON object"), ("", "not JSON"), ('{"model_type": 5}', "model_type"),
    ('{"model_type": ["qwen2"]}', "model_type"), ('{"model_type": "x", "num_hidden_layers": 1e9}', "num_hidden_layers"),
    ('{"model_type": "x", "vocab_size": 1' + "0" * 30 + "}", "vocab_size"), ('{"model_type": "x", "hidden_size": "wide"}', "hidden_size"),
    ('{"model_type": "x", "num_hidden_layers": true}', "num_hidden_layers"), ('{"n": ' + "9" * 5000 + "}", "config.json"),
]


@pytest.mark.parametrize(("text", "told"), CONFIGS, ids=range(len(CONFIGS)))
def test_a_config_made_to_do_harm_is_refused_with_its_place(folder: Path, text: str, told: str) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises(BadModelFolder, match=told):
        check_model_folder(folder)


HEADERS = [
    DEEP.encode(), b"[]", b"5", b"\xff\xfe", b"{}", b'{"w": 5}', b'{"w": {"data_offsets": [0]}}', b'{"w": {"data_offsets": [8, 0]}}',
    b'{"w": {"data_offsets": [-8, 8]}}', b'{"w": {"data_offsets": ["0", "8"]}}', b'{"w": {"data_offsets": [0, 8.5]}}',
    b'{"w": {"data_offsets": [0, true]}}', b'{"w": {"data_offsets": [0, %d]}}' % 10**40, b'{"w": {"data_offsets": [0, 1e400]}}',
]


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_a_safetensors_header_made_to_do_harm_is_refused(folder: Path, header: bytes) -> None:
    (folder / "model.safetensors").write_bytes(_weights(header))
    with pytest.raises(BadModelFolder, match="model.safetensors"):
        check_model_folder(folder)


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 10**12, 0])
def test_a_header_length_that_cannot_be_is_refused(folder: Path, length: int) -> None:
    (folder / "model.safetensors").write_bytes(_weights(json.dumps(HEADER).encode(), length))
    with pytest.raises(BadModelFolder, match="model.safetensors"):
        check_model_folder(folder)


@pytest.mark.parametrize("index", [
    '{"weight_map": {"w": "../../x.safetensors"}}', '{"weight_map": {"w": "/etc/passwd"}}', '{"weight_map": {"w": 5}}', '{"weight_map": 5}',
    '{"weight_map": {}}', "[]", DEEP, '{"weight_map": {"w": "model.bin"}}',
], ids=range(8))
def test_an_index_that_names_other_files_is_refused(folder: Path, index: str) -> None:
    (folder / "model.safetensors.index.json").write_text(index)
    with pytest.raises(BadModelFolder, match="index.json"):
        check_model_folder(folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "generation_config.json"])
@pytest.mark.parametrize("text", [DEEP, "[]", "\ud800", '{"auto_map": {"AutoTokenizer": ["x.Y", null]}}', '{"auto_map": 5}'])
def test_a_tokenizer_file_that_is_damaged_or_wants_its_own_code_is_refused(folder: Path, name: str, text: str) -> None:
    (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(BadModelFolder):
        check_model_folder(folder)


def test_folders_in_the_place_of_files_are_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()
    with pytest.raises(BadModelFolder):
        check_model_folder(folder)


def _mutated(raw: bytes, dice: random.Random) -> bytes:
    data = bytearray(raw)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(data))
        kind = dice.randrange(4)
        if kind == 0:
            data[at] = dice.randrange(256)
        elif kind == 1:
            del data[at : at + dice.randint(1, 9)]
        elif kind == 2:
            data[at:at] = dice.choice([b"\xff" * 8, b"[" * 2000, b"\0" * 7, b"1e999", b"null", b'"', b"}", b"-1", b"99999999999999999999"])
        else:
            data[at : at + 8] = dice.choice([2**64 - 1, 2**63, 2**32, 0]).to_bytes(8, "little")
        if not data:
            return b""
    return bytes(data)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "model.safetensors.index.json"])
def test_whatever_is_changed_in_a_file_only_bad_model_folder_comes_out(folder: Path, name: str) -> None:
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"w": "model.safetensors"}}')
    whole, dice = (folder / name).read_bytes(), random.Random(7)
    refused = 0
    for _ in range(400):
        (folder / name).write_bytes(_mutated(whole, dice))
        try:
            check_model_folder(folder)
        except BadModelFolder as err:
            refused += 1
            assert str(folder) in str(err)
    assert refused > 100


def _text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def _gguf(extra: bytes = b"", keys: int = 2, shape: tuple[int, ...] = (32, 2), kind: int = 3, offset: int = 0, align: int = 32) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, keys)
    head += _text("general.architecture") + struct.pack("<I", 8) + _text("llama")
    head += _text("general.alignment") + struct.pack("<II", 4, align) + extra
    head += _text("w") + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
    return head + b"\0" * (-len(head) % 32 + 40)


def test_a_small_gguf_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(_gguf())
    assert gguf.read_gguf(tmp_path / "a.gguf").bytes_by_type == {"Q4_1": 40}


def _nested(depth: int) -> bytes:
    return _text("deep") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * depth + struct.pack("<IQ", 4, 0)


@pytest.mark.parametrize("raw", [
    _gguf(align=0), _gguf(align=3), _gguf(align=2**31), _gguf(shape=(31, 2)), _gguf(shape=(0, 2)), _gguf(shape=(2**63, 2**63)),
    _gguf(shape=(32,) * 8), _gguf(shape=(32,) * 9), _gguf(kind=99), _gguf(offset=2**63), _gguf(offset=1), _gguf(keys=2**64 - 1),
    _gguf(_nested(5), keys=3), _gguf(_nested(50_000), keys=3), _gguf(_text("t") + struct.pack("<IQ", 8, 2**62), keys=3),
    _gguf(_text("t") + struct.pack("<IIQ", 9, 10, 2**61), keys=3), _gguf(_text("t") + struct.pack("<I", 77), keys=3),
    b"", b"GGUF", b"GGUF" * 9,
], ids=range(20))
def test_sizes_that_cannot_be_make_a_bad_gguf(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "a.gguf").write_bytes(raw)
    with pytest.raises(gguf.BadGguf):
        gguf.read_gguf(tmp_path / "a.gguf")


def test_whatever_is_changed_in_a_gguf_file_only_bad_gguf_comes_out(tmp_path: Path) -> None:
    whole, dice, refused = _gguf(), random.Random(11), 0
    for _ in range(1500):
        (tmp_path / "a.gguf").write_bytes(_mutated(whole, dice))
        try:
            gguf.read_gguf(tmp_path / "a.gguf")
        except gguf.BadGguf:
            refused += 1
    assert refused > 500
    with pytest.raises(gguf.BadGguf, match="cannot be read"):
        gguf.read_gguf(tmp_path)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("tiny") / "model"
    tokenizer = models.train_tokenizer(["int main(void) { return 0; }"] * 4, 512)
    models.make_random(home, models.RandomModel(layers=1, vocab_size=512), tokenizer, 3)
    return home


def _edited(tiny: Path, target: Path, file: str, **changes: object) -> Path:
    target.mkdir()
    for each in tiny.iterdir():
        (target / each.name).write_bytes(each.read_bytes())
    values = json.loads((target / file).read_text())
    (target / file).write_text(json.dumps({key: value for key, value in {**values, **changes}.items() if value is not None}))
    return target


def test_a_tokenizer_without_padding_pads_with_its_end_token(tiny: Path, tmp_path: Path) -> None:
    tokenizer = models.load_tokenizer(_edited(tiny, tmp_path / "m", "tokenizer_config.json", pad_token=None))
    assert tokenizer.pad_token_id is not None


@pytest.mark.parametrize(("file", "changes", "told"), [
    ("config.json", {"vocab_size": 2}, "the model has 2"), ("tokenizer.json", {"model": 5}, "cannot be loaded"),
    ("tokenizer.json", {"pre_tokenizer": {"type": "Nothing"}}, "cannot be loaded"),
])
def test_a_tokenizer_that_cannot_be_used_is_refused(tiny: Path, tmp_path: Path, file: str, changes: dict[str, object], told: str) -> None:
    with pytest.raises(BadModelFolder, match=told):
        models.load_tokenizer(_edited(tiny, tmp_path / "m", file, **changes))


@pytest.mark.parametrize(("changes", "told"), [
    ({"num_hidden_layers": 2, "layer_types": None}, "no weights for model.layers.1"), ({"hidden_act": 5}, "cannot load"),
    ({"model_type": "no_such"}, "cannot load"), ({"rope_parameters": "fast"}, "cannot load"), ({"intermediate_size": 512}, "cannot load"),
])
def test_a_model_that_its_config_does_not_fit_is_refused(tiny: Path, tmp_path: Path, changes: dict[str, object], told: str) -> None:
    with pytest.raises(BadModelFolder, match=told):
        models.load_model(_edited(tiny, tmp_path / "m", "config.json", **changes), device="cpu")
