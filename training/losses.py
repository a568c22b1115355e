"""Which loss does a student learn by? Distillation after Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural
Network" (2015), section 2:

    loss = alpha · T² · KL(p_teacher(T) ‖ p_student(T)) + (1 - alpha) · CE(labels),   p(T) = softmax(logits / T)

summed over the tokens that are learned (label != -100) and divided by their number. KL's gradient shrinks by 1/T², hence the factor
(their section 2.1). Forward KL: the student must cover what the teacher finds likely.

>>> distillation(student_logits, teacher_logits, labels, temperature=2.0, alpha=0.7).total
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

IGNORED = -100


@dataclass(frozen=True)
class Distilled:
    """Scalars (tensors). total: what is minimized. divergence: KL at temperature T times T², cross_entropy: of the labels;
    both means over the
    learned tokens of this batch. tokens: how many those are."""

    total: Any
    divergence: Any
    cross_entropy: Any
    tokens: int


def distillation(
    student_logits: Any, teacher_logits: Any, labels: Any, *, temperature: float, alpha: float, normalizer: Any = None
) -> Distilled:
    """Logits: (batch, length, vocabulary); labels: (batch, length), the token at each place itself (shifted here). normalizer: learned
    tokens of the whole accumulated batch (None: of this one). Only learned places are kept before the softmax."""
    places, targets = learned(labels)
    return distillation_at(
        student_logits[places], teacher_logits[places], targets, temperature=temperature, alpha=alpha, normalizer=normalizer
    )


def learned(labels: Any) -> tuple[Any, Any]:
    """Labels (batch, length) -> the places whose next token is learned, (batch, length) booleans, and those tokens in the same order."""
    places = labels.roll(-1, dims=1) != IGNORED
    places[:, -1] = False
    return places, labels[:, 1:][places[:, :-1]]


def distillation_at(
    student_logits: Any, teacher_logits: Any, targets: Any, *, temperature: float, alpha: float, normalizer: Any = None
) -> Distilled:
    """`distillation` of learned places alone: logits (places, vocabulary), targets (places). Where one side's vocabulary is padded to
    more rows, the shorter counts: Qwen2.5-Coder 7B has 152,064 rows, the 1.5B 151,936, for the same tokens."""
    import torch
    import torch.nn.functional as F

    shared = min(student_logits.size(-1), teacher_logits.size(-1))
    student, teacher = student_logits[:, :shared].float(), teacher_logits[:, :shared].float()
    student_log = F.log_softmax(student / temperature, dim=-1)
    teacher_log = F.log_softmax(teacher / temperature, dim=-1)
    divergence = F.kl_div(student_log, teacher_log, reduction="sum", log_target=True) * temperature**2
    cross_entropy = F.cross_entropy(student, targets, reduction="sum")
    tokens = len(targets)
    count = torch.as_tensor(tokens if normalizer is None else normalizer, device=student.device).clamp(min=1)
    here = max(tokens, 1)
    return Distilled(
        total=(alpha * divergence + (1 - alpha) * cross_entropy) / count,
        divergence=divergence.detach() / here, cross_entropy=cross_entropy.detach() / here, tokens=tokens,
    )


# ---- a model's head, asked at a few places: memory that does not grow with length times vocabulary ----

PLACES = 128  # of one chunk: 128 places of 152,000 tokens are 78 MB of float32


@contextmanager
def head_only_at(model: Any, places: Any) -> Iterator[None]:
    """Logits come as (places, vocabulary), of these places of (batch, length) alone. Most of a row is its prompt, of which nothing is
    learned: with a vocabulary of 152,000 tokens 2,048 places are 1.2 GB of float32, and with `tiny` they were a fifth of a step's time."""
    head = model.get_output_embeddings()
    hook = head.register_forward_pre_hook(lambda _, given: (given[0][places], *given[1:]))
    try:
        yield
    finally:
        hook.remove()


def hidden_at(model: Any, places: Any, **inputs: Any) -> Any:
    """What the model hands to its head at these places of (batch, length): (places, width). The head itself sees one place
    only. `model` may be wrapped (DDP); `apply_head` makes logits of it."""
    caught: list[Any] = []

    def catch(_: Any, given: Any) -> Any:
        caught.append(given[0][places])
        return (given[0][:, :1], *given[1:])

    inner = model.module if hasattr(model, "module") else model
    hook = inner.get_output_embeddings().register_forward_pre_hook(catch)
    try:
        model(**inputs, use_cache=False)
    finally:
        hook.remove()
    return caught[0]


def apply_head(model: Any, hidden: Any) -> Any:
    """Logits of hidden states, with the scale or cap that some families put behind the head (Cohere, Granite, Gemma 2)."""
    import torch

    logits, config = model.get_output_embeddings()(hidden), model.config
    if scale := getattr(config, "logit_scale", None):
        logits = logits * scale
    if scaling := getattr(config, "logits_scaling", None):
        logits = logits / scaling
    if cap := getattr(config, "final_logit_softcapping", None):
        logits = torch.tanh(logits / cap) * cap
    return logits


def nll_at_learned(model: Any, input_ids: list[int], labels: list[int]) -> tuple[float, int]:
    """(negative log likelihood of a row's learned tokens in nats, how many they are), a chunk of places at a time."""
    import torch
    import torch.nn.functional as F

    places, targets = learned(torch.tensor([labels], device=model.device))
    with torch.no_grad():
        hidden = hidden_at(model, places, input_ids=torch.tensor([input_ids], device=model.device))
        nats = sum(
            float(F.cross_entropy(apply_head(model, some).float(), wanted, reduction="sum"))
            for some, wanted in zip(hidden.split(PLACES), targets.split(PLACES), strict=True)
        )
    return float(nats), len(targets)
