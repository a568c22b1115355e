"""Which loss does a student learn by? Distillation after Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural
Network" (2015), section 2:

    loss = alpha · T² · KL(p_teacher(T) ‖ p_student(T)) + (1 - alpha) · CE(labels),   p(T) = softmax(logits / T)

summed over the tokens that are learned (label != -100) and divided by their number. KL's gradient shrinks by 1/T², hence the factor
(their section 2.1). Forward KL: the student must cover what the teacher finds likely.

A teacher that was asked beforehand (teacher_logits.py) is known by its k likeliest tokens at each place; see `kept_divergence`.

>>> distillation(student_logits, teacher_logits, labels, temperature=2.0, alpha=0.7).total
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
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


@dataclass(frozen=True)
class Kept:
    """What is kept of a teacher's distribution at temperature T, at some places. log_probs, tokens: (places, k), of the k likeliest
    tokens; rest: (places), the logarithm of the mass of all others, None where there are no others. vocabulary: tokens that there are."""

    log_probs: Any
    tokens: Any
    rest: Any
    vocabulary: int


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
    student_logits: Any, teacher: Any, targets: Any, *, temperature: float, alpha: float, normalizer: Any = None
) -> Distilled:
    """`distillation` of learned places alone: logits (places, vocabulary), targets (places); teacher: its logits, or what was kept of
    them. Where one side's vocabulary is padded to more rows, the shorter counts: Qwen2.5-Coder 7B has 152,064 rows, the 1.5B 151,936,
    for the same tokens."""
    import torch
    import torch.nn.functional as F

    shared = min(student_logits.size(-1), teacher.vocabulary if isinstance(teacher, Kept) else teacher.size(-1))
    student = student_logits[:, :shared].float()
    student_log = F.log_softmax(student / temperature, dim=-1)
    if isinstance(teacher, Kept):
        divergence = kept_divergence(student_log, teacher)
    else:
        teacher_log = F.log_softmax(teacher[:, :shared].float() / temperature, dim=-1)
        divergence = F.kl_div(student_log, teacher_log, reduction="sum", log_target=True)
    divergence = divergence * temperature**2
    cross_entropy = F.cross_entropy(student, targets, reduction="sum")
    tokens = len(targets)
    count = torch.as_tensor(tokens if normalizer is None else normalizer, device=student.device).clamp(min=1)
    here = max(tokens, 1)
    return Distilled(
        total=(alpha * divergence + (1 - alpha) * cross_entropy) / count,
        divergence=divergence.detach() / here, cross_entropy=cross_entropy.detach() / here, tokens=tokens,
    )


def kept_divergence(student_log: Any, teacher: Kept) -> Any:
    """KL(teacher ‖ student) where all tokens but the k kept ones are one class more, summed over the places:

        Σ_i p_i (log p_i - log q_i) + p_rest (log p_rest - log q_rest),   p_rest = 1 - Σ_i p_i,   q_rest = 1 - Σ_i q_i

    With k = vocabulary this is KL itself. Else it is at most KL, by the log sum inequality (Cover and Thomas, "Elements of Information
    Theory", theorem 2.7.1), and the same where both sides share out the rest alike: what the student believes among the tokens that were
    not kept is left to it. Without the class for the rest the student would learn the top k too sure of itself, since a cut and rescaled
    teacher is a biased one (Anshumann et al. 2025, "Sparse Logit Sampling", who call that class a ghost token). student_log:
    log-probabilities (places, vocabulary)."""
    kept = (teacher.log_probs.exp() * (teacher.log_probs - student_log.gather(1, teacher.tokens))).sum()
    if teacher.rest is None:
        return kept
    others = student_log.scatter(1, teacher.tokens, float("-inf")).logsumexp(dim=1)
    return kept + (teacher.rest.exp() * (teacher.rest - others)).sum()


# ---- a model's head, asked at a few places: memory that does not grow with length times vocabulary ----

PLACES = 128  # of one chunk: 128 places of 152,000 tokens are 78 MB of float32


def hidden_at(model: Any, places: Any, **inputs: Any) -> Any:
    """What the model hands to its head at these places of (batch, length): (places, width). The head itself sees one place only: most of
    a row is its prompt, of which nothing is learned. `model` may be wrapped (DDP); `apply_head` makes logits of it."""
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


def distillation_in_chunks(
    student: Any, ours: Any, teacher: Callable[[slice], Any], targets: Any, *, temperature: float, alpha: float, normalizer: Any = None
) -> Distilled:
    """`distillation_at` of the student's hidden states (places, width): its head and the teacher are asked PLACES places at a time and each
    chunk's gradient is taken at once, so that no more logits than those exist. teacher: gives its logits, or what was kept of them, at a
    slice of the places. normalizer as there."""
    import torch

    count = torch.as_tensor(len(targets) if normalizer is None else normalizer, device=ours.device).clamp(min=1)
    sums = {"divergence": torch.zeros((), device=ours.device), "cross_entropy": torch.zeros((), device=ours.device)}

    def chunk(hidden: Any, at: int) -> Any:
        here = slice(at, at + PLACES)
        with torch.no_grad():
            wanted = teacher(here)
        parts = distillation_at(
            apply_head(student, hidden), wanted, targets[here], temperature=temperature, alpha=alpha, normalizer=count)
        sums["divergence"] += parts.divergence * parts.tokens
        sums["cross_entropy"] += parts.cross_entropy * parts.tokens
        return parts.total

    trained = [parameter for parameter in student.get_output_embeddings().parameters() if parameter.requires_grad]
    if torch.is_grad_enabled():
        total = _chunked().apply(ours, chunk, *trained)
    else:
        total = sum((chunk(some, i * PLACES) for i, some in enumerate(ours.split(PLACES))), torch.zeros((), device=ours.device))
    tokens = max(len(targets), 1)
    return Distilled(
        total=total, divergence=sums["divergence"] / tokens, cross_entropy=sums["cross_entropy"] / tokens, tokens=len(targets))


@cache
def _chunked() -> Any:
    """The sum of a loss over chunks of rows, its gradients computed with it; once differentiable. Made in a function because torch is
    imported late."""
    import torch

    class Chunked(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, hidden: Any, loss: Any, *trained: Any) -> Any:  # type: ignore[override]
            total, to_hidden = torch.zeros((), device=hidden.device), []
            to_trained: list[Any] = []
            for i, some in enumerate(hidden.split(PLACES)):
                with torch.enable_grad():
                    part = some.detach().requires_grad_()
                    here = loss(part, i * PLACES)
                    first, *others = torch.autograd.grad(here, [part, *trained])
                total += here.detach()
                to_hidden.append(first)
                to_trained = [kept.add_(more) for kept, more in zip(to_trained, others, strict=True)] if to_trained else others
            ctx.kept = [torch.cat(to_hidden), *to_trained]
            return total

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:  # type: ignore[override]
            to_hidden, *to_trained = (each.mul_(gradient) for each in ctx.kept)  # in place: a head's gradient is as large as the head
            return to_hidden, None, *to_trained

    return Chunked


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


# Logits held at once, in entries: 64 MB of float32. A row of 40 learned tokens and a vocabulary of 49,152 is 2 M entries.
CHUNK_ENTRIES = 16 * 2**20


def cross_entropy_at(hidden: Any, weight: Any, bias: Any, targets: Any) -> tuple[Any, Any]:
    """Cross-entropy through a language model's head, summed over the places: hidden (places, width), weight (vocabulary, width), bias
    (vocabulary) or None, targets (places). Gives (sum, how many targets are the most likely token), both scalars.

    No more than CHUNK_ENTRIES logits exist at a time, whatever the vocabulary: the gradients are computed with each chunk's logits at hand
    and kept, as Liger Kernel's fused linear cross-entropy does (Hsu et al. 2024), so backward costs nothing more and nothing is computed
    twice. Once differentiable."""
    return _HeadLoss.get().apply(hidden, weight, bias, targets)


class _HeadLoss:
    """Makes the autograd function at first use, since this module is imported without torch."""

    made: Any = None

    @classmethod
    def get(cls) -> Any:
        if cls.made is None:
            cls.made = _head_loss_function()
        return cls.made


def _head_loss_function() -> Any:
    import torch

    class HeadLoss(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, hidden: Any, weight: Any, bias: Any, targets: Any) -> Any:
            total = torch.zeros((), dtype=torch.float32, device=hidden.device)
            right = torch.zeros((), dtype=torch.long, device=hidden.device)
            for_hidden, for_weight, for_bias = ctx.needs_input_grad[:3]
            d_hidden: Any = torch.empty_like(hidden) if for_hidden else None
            d_weight: Any = torch.zeros_like(weight, dtype=torch.float32) if for_weight else None
            d_bias: Any = torch.zeros_like(bias, dtype=torch.float32) if for_bias else None
            step = max(1, CHUNK_ENTRIES // weight.size(0))
            for at in range(0, len(targets), step):
                here, wanted = hidden[at : at + step], targets[at : at + step]
                logits = torch.nn.functional.linear(here.to(weight.dtype), weight, bias).float()
                log_total = logits.logsumexp(-1)
                total += (log_total - logits.gather(-1, wanted[:, None])[:, 0]).sum()
                right += (logits.argmax(-1) == wanted).sum()
                if for_hidden or for_weight or for_bias:
                    gradient = logits.sub_(log_total[:, None]).exp_()
                    gradient[torch.arange(len(wanted), device=wanted.device), wanted] -= 1
                    if for_hidden:
                        d_hidden[at : at + step] = gradient.to(weight.dtype) @ weight
                    if for_weight:
                        d_weight.addmm_(gradient.T, here.float())
                    if for_bias:
                        d_bias += gradient.sum(0)
            ctx.kept = [
                None if made is None else made.to(given.dtype)
                for made, given in ((d_hidden, hidden), (d_weight, weight), (d_bias, bias))
            ]
            ctx.mark_non_differentiable(right)
            return total, right

        @staticmethod
        def backward(ctx: Any, factor: Any, _: Any) -> Any:
            return *(None if kept is None else kept * factor.to(kept.dtype) for kept in ctx.kept), None

    return HeadLoss


def whole_vocabulary_scaled(config: Any) -> bool:
    """Whether an architecture does something to its logits behind the head (Gemma 2's softcap, Cohere's and Granite's scaling), so that its
    own forward must make them."""
    text = config.get_text_config()
    names = ("final_logit_softcapping", "logit_scale", "output_multiplier", "lm_head_multiplier", "logits_scaling")
    return any(getattr(text, name, None) not in (None, 1, 1.0) for name in names)


@contextmanager
def head_passes_on(model: Any, places: Any) -> Iterator[None]:
    """Inside, the model's `logits` are the hidden states before its head at these places of (batch, length) alone: (places, width)."""
    head = model.get_output_embeddings()
    head.forward = lambda hidden: hidden[places]
    try:
        yield
    finally:
        del head.forward  # the class's own again
