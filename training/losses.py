"""Which loss does a student learn by? Distillation after Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural
Network" (2015), section 2:

    loss = alpha · T² · KL(p_teacher(T) ‖ p_student(T)) + (1 - alpha) · CE(labels),   p(T) = softmax(logits / T)

summed over the tokens that are learned (label != -100) and divided by their number. KL's gradient shrinks by 1/T², hence the factor
(their section 2.1). Forward KL: the student must cover what the teacher finds likely.

>>> distillation(student_logits, teacher_logits, labels, temperature=2.0, alpha=0.7).total
"""
from __future__ import annotations

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
