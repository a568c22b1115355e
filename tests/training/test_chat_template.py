"""training/chat_template.py: what Ollama is told equals what the model was trained on."""
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.chat_template import NoGoTemplate, check, go_template, hf_render, modelfile, probes, render_go, template_in
from training.models import CHATML, PLAIN_TEMPLATE

# In the manner of published templates: a default system message; a begin token and raw system text; no system role at all.
QWEN = (
    "{%- if messages[0]['role'] == 'system' %}{{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}"
    "{%- else %}{{- '<|im_start|>system\\nYou help.<|im_end|>\\n' }}{%- endif %}"
    "{%- for m in messages %}{%- if not (loop.first and m['role'] == 'system') %}"
    "{{- '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
DEEPSEEK = (
    "{{ bos_token }}{%- if messages[0]['role'] != 'system' %}{{- 'You are a programming helper.\\n' }}{%- endif %}"
    "{%- for m in messages %}{%- if m['role'] == 'system' %}{{- m['content'] }}{%- elif m['role'] == 'user' %}"
    "{{- '### Instruction:\\n' + m['content'] + '\\n' }}{%- else %}{{- '### Response:\\n' + m['content'] + '\\n<|EOT|>\\n' }}{%- endif %}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '### Response:' }}{%- endif %}"
)
NO_SYSTEM = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "<turn>{{ m['role'] }}\n{{ m['content'] }}</turn>\n{% endfor %}{% if add_generation_prompt %}<turn>assistant\n{% endif %}"
)
TRIMS = CHATML.replace("message['content']", "message['content'] | trim")
TURNS = "{% for m in messages %}{{ loop.index }}:{{ m['role'] }}:{{ m['content'] }};{% endfor %}"
REASONING = CHATML.replace("{{ message['content'] }}", "{% if loop.last %}{{ message['content'] }}{% else %}...{% endif %}")

LATE = CHATML.replace("{{ message['content'] }}", "{% if loop.index == 5 %}Again: {% endif %}{{ message['content'] }}")


@pytest.fixture(scope="module")
def make_tokenizer() -> Any:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    def make(template: str) -> Any:
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), bos_token="<|begin|>", eos_token="<|im_end|>")
        tokenizer.chat_template = template
        return tokenizer

    return make


@pytest.mark.parametrize("template", [CHATML, PLAIN_TEMPLATE, QWEN, DEEPSEEK], ids=["chatml", "plain", "qwen", "deepseek"])
def test_the_go_template_writes_what_the_chat_template_writes(make_tokenizer: Any, template: str) -> None:
    tokenizer = make_tokenizer(template)
    go = go_template(tokenizer)
    for messages in probes():
        assert render_go(go, messages) == hf_render(tokenizer, messages)


def test_a_template_without_a_system_role_has_no_system_branch(make_tokenizer: Any) -> None:
    go = go_template(make_tokenizer(NO_SYSTEM))
    assert "system" not in go
    assert render_go(go, [{"role": "user", "content": "x"}]) == "<|begin|><turn>user\nx</turn>\n<turn>assistant\n"


def test_a_begin_token_that_the_file_adds_is_not_written_twice(make_tokenizer: Any) -> None:
    tokenizer = make_tokenizer(DEEPSEEK)
    assert "<|begin|>" in go_template(tokenizer)
    assert "<|begin|>" not in go_template(tokenizer, adds_bos=True)
    with pytest.raises(NoGoTemplate, match="begin token"):
        go_template(make_tokenizer(CHATML), adds_bos=True)


@pytest.mark.parametrize("template", [TURNS, REASONING, LATE], ids=["counts turns", "hides earlier answers", "changes the fifth message"])
def test_a_template_that_wraps_no_single_messages_is_refused(make_tokenizer: Any, template: str) -> None:
    with pytest.raises(NoGoTemplate):
        go_template(make_tokenizer(template))


def test_real_prompts_find_the_difference_that_probes_do_not(make_tokenizer: Any) -> None:
    tokenizer = make_tokenizer(TRIMS)
    go = go_template(tokenizer)
    with pytest.raises(NoGoTemplate, match="differs at character"):
        check(go, tokenizer, [[{"role": "user", "content": "ends with a line \n"}]])


CONTENT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@settings(max_examples=60)
@given(system=st.none() | CONTENT, turns=st.lists(st.tuples(CONTENT, CONTENT), max_size=3), last=CONTENT)
@pytest.mark.parametrize("template", [CHATML, QWEN], ids=["chatml", "qwen"])
def test_contents_go_through_as_they_are(make_tokenizer: Any, template: str, system: str | None, turns: list, last: str) -> None:
    tokenizer = make_tokenizer(template)
    messages = [{"role": "system", "content": system}] if system else []
    for ask, say in turns:
        messages += [{"role": "user", "content": ask}, {"role": "assistant", "content": say}]
    check(go_template(tokenizer), tokenizer, [[*messages, {"role": "user", "content": last}]])


def test_braces_in_a_template_are_written_as_text(make_tokenizer: Any) -> None:
    tokenizer = make_tokenizer(CHATML.replace("<|im_end|>", "{{ '{{' }}end}}"))
    go = go_template(tokenizer)
    assert '{{ "{{" }}end}}' in go


def test_the_modelfile_holds_the_template_and_decodes_greedily(make_tokenizer: Any) -> None:
    go = go_template(make_tokenizer(QWEN))
    text = modelfile("a-Q4_K_M.gguf", go, ["<|im_end|>", "<|endoftext|>"], 4096)
    assert template_in(text) == go
    lines = text.splitlines()
    assert lines[0] == "FROM ./a-Q4_K_M.gguf"
    assert lines[-5:] == ['PARAMETER stop "<|im_end|>"', 'PARAMETER stop "<|endoftext|>"', "PARAMETER temperature 0",
                          "PARAMETER repeat_penalty 1", "PARAMETER num_ctx 4096"]


def test_the_modelfile_holds_the_system_prompt_that_the_model_was_trained_under(make_tokenizer: Any) -> None:
    tokenizer = make_tokenizer(QWEN)
    go = go_template(tokenizer)
    text = modelfile("a.gguf", go, [], 4096, "You explain C.\nBriefly.")
    assert 'SYSTEM """You explain C.\nBriefly."""\n' in text and template_in(text) == go
    asked = [{"role": "system", "content": "You explain C.\nBriefly."}, {"role": "user", "content": "x"}]  # what Ollama makes of it
    assert render_go(go, asked) == hf_render(tokenizer, asked)
    for cannot in ('say """', 'ends with "'):
        with pytest.raises(NoGoTemplate, match="system prompt"):
            modelfile("a.gguf", go, [], 4096, cannot)


@pytest.mark.parametrize("bad", ["{{ .Prompt }}", "{{ if .Tools }}x{{ end }}", "x{{ end }}"])
def test_an_action_that_is_not_known_is_refused_and_not_guessed(bad: str) -> None:
    with pytest.raises(NoGoTemplate):
        render_go(bad, [{"role": "user", "content": "x"}])
