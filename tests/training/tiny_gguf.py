"""A GGUF file that llama.cpp serves, written in milliseconds without torch: one Llama layer of random weights, a token for each byte and
ChatML's marks. It answers noise, the same noise each time."""
from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

CHATML = ("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}"
          "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
WIDTH, FEED, CONTEXT = 64, 64, 4096


def alphabet() -> list[str]:
    """The character that stands for each byte in a byte-level vocabulary (GPT-2's table), in the order of the bytes."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in shown else chr(next(others)) for byte in range(256)]


def write_tiny_gguf(file: Path, seed: int = 1) -> Path:
    """The ids of a text are its bytes' values; the special tokens are 256, 257 and 258."""
    tokens = [*alphabet(), *SPECIAL]
    kinds = [gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL] * len(SPECIAL)
    out = gguf.GGUFWriter(file, "llama")
    out.add_name("tiny")
    out.add_context_length(CONTEXT)
    out.add_embedding_length(WIDTH)
    out.add_block_count(1)
    out.add_feed_forward_length(FEED)
    out.add_head_count(2)
    out.add_head_count_kv(2)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_rope_dimension_count(WIDTH // 2)
    out.add_vocab_size(len(tokens))
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("default")
    out.add_token_list(tokens)
    out.add_token_types(kinds)
    out.add_token_merges(["h e"])  # llama.cpp wants the list; no token of that name makes it idle
    out.add_eos_token_id(258)
    out.add_add_bos_token(False)
    out.add_chat_template(CHATML)
    draw = np.random.default_rng(seed)
    shapes = {"token_embd": (len(tokens), WIDTH), "output": (len(tokens), WIDTH), "blk.0.ffn_gate": (FEED, WIDTH),
              "blk.0.ffn_up": (FEED, WIDTH), "blk.0.ffn_down": (WIDTH, FEED),
              **{f"blk.0.attn_{part}": (WIDTH, WIDTH) for part in ("q", "k", "v", "output")}}
    for name, shape in shapes.items():
        out.add_tensor(f"{name}.weight", draw.standard_normal(shape, dtype=np.float32) * shape[1] ** -0.5)
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        out.add_tensor(f"{name}.weight", np.ones(WIDTH, dtype=np.float32))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return file
