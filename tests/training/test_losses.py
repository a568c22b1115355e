"""The distillation loss against its formula, computed by hand in double precision."""
from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from training import losses  # noqa: E402
from training.losses import Kept, apply_head, distillation, distillation_at, hidden_at, learned, nll_at_learned  # noqa: E402


def _by_hand(student, teacher, labels, temperature, alpha):  # type: ignore[no-untyped-def]
    divergence = cross_entropy = 0.0
    tokens = 0
    for b in range(labels.shape[0]):
        for t in range(labels.shape[1] - 1):
            target = int(labels[b, t + 1])
            if target == -100:
                continue
            tokens += 1
            s, q = student[b, t].tolist(), teacher[b, t].tolist()
            p_s, p_t = _softmax([x / temperature for x in s]), _softmax([x / temperature for x in q])
            divergence += temperature**2 * sum(a * math.log(a / c) for a, c in zip(p_t, p_s, strict=True))
            cross_entropy += -math.log(_softmax(s)[target])
    return (alpha * divergence + (1 - alpha) * cross_entropy) / tokens, divergence / tokens, cross_entropy / tokens, tokens


def _softmax(row: list[float]) -> list[float]:
    top = max(row)
    exp = [math.exp(x - top) for x in row]
    return [x / sum(exp) for x in exp]


@pytest.fixture
def batch():  # type: ignore[no-untyped-def]
    draw = torch.Generator().manual_seed(5)
    student, teacher = torch.randn(2, 6, 11, generator=draw) * 3, torch.randn(2, 6, 11, generator=draw) * 3
    labels = torch.randint(0, 11, (2, 6), generator=draw)
    labels[0, :3] = -100
    labels[1, 5] = -100
    return student, teacher, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_the_loss_is_the_formula(batch, temperature: float, alpha: float) -> None:  # type: ignore[no-untyped-def]
    found = distillation(*batch, temperature=temperature, alpha=alpha)
    total, divergence, cross_entropy, tokens = _by_hand(*batch, temperature, alpha)
    assert found.tokens == tokens
    assert float(found.total) == pytest.approx(total, rel=1e-5)
    assert float(found.divergence) == pytest.approx(divergence, rel=1e-5)
    assert float(found.cross_entropy) == pytest.approx(cross_entropy, rel=1e-5)


def test_a_student_that_is_the_teacher_does_not_diverge(batch) -> None:  # type: ignore[no-untyped-def]
    student, _, labels = batch
    assert float(distillation(student, student, labels, temperature=2.0, alpha=1.0).total) == pytest.approx(0, abs=1e-6)


def test_rows_of_padding_in_either_vocabulary_change_nothing(batch) -> None:  # type: ignore[no-untyped-def]
    student, teacher, labels = batch
    padded = torch.cat([teacher, torch.full((2, 6, 5), 9.0)], dim=-1)
    a = distillation(student, teacher, labels, temperature=2.0, alpha=0.5)
    b = distillation(student, padded, labels, temperature=2.0, alpha=0.5)
    assert float(a.total) == float(b.total)


def test_accumulated_batches_sum_to_the_loss_of_the_whole(batch) -> None:  # type: ignore[no-untyped-def]
    student, teacher, labels = batch
    whole = distillation(student, teacher, labels, temperature=2.0, alpha=0.5)
    parts = [
        distillation(student[i : i + 1], teacher[i : i + 1], labels[i : i + 1], temperature=2.0, alpha=0.5, normalizer=whole.tokens)
        for i in range(2)
    ]
    assert float(parts[0].total + parts[1].total) == pytest.approx(float(whole.total), rel=1e-6)


def test_a_batch_without_a_learned_token_is_zero_and_finite(batch) -> None:  # type: ignore[no-untyped-def]
    student, teacher, labels = batch
    assert float(distillation(student, teacher, torch.full_like(labels, -100), temperature=2.0, alpha=0.5).total) == 0.0


def test_gradients_reach_the_student_only(batch) -> None:  # type: ignore[no-untyped-def]
    student, teacher, labels = batch
    student.requires_grad_()
    distillation(student, teacher, labels, temperature=2.0, alpha=0.5).total.backward()
    assert student.grad.abs().sum() > 0
    assert student.grad[0, :2].abs().sum() == 0  # the token after place 2 is the first that is learned


def test_hidden_states_at_learned_places_make_the_same_logits_and_likelihood(batch) -> None:  # type: ignore[no-untyped-def]
    from transformers import Qwen2Config, Qwen2ForCausalLM

    size = {"vocab_size": 11, "hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2, "num_key_value_heads": 1}
    model = Qwen2ForCausalLM(Qwen2Config(**size, num_hidden_layers=1)).float().eval()
    labels, ids = batch[2], batch[2].clamp(min=0)
    places, targets = learned(labels)
    seen: list[int] = []
    hook = model.lm_head.register_forward_hook(lambda _, given, made: seen.append(made.shape[-2]))
    hidden = hidden_at(model, places, input_ids=ids)
    hook.remove()
    assert seen == [1] and hidden.shape == (7, 16)
    logits = model(input_ids=ids).logits[places]
    assert torch.allclose(apply_head(model, hidden), logits, atol=1e-6)

    nats, tokens = nll_at_learned(model, ids[0].tolist(), labels[0].tolist())
    first = (labels[0, 1:] != -100).sum().item()
    assert tokens == first
    assert nats == pytest.approx(torch.nn.functional.cross_entropy(logits[:first], targets[:first], reduction="sum").item(), rel=1e-5)


@pytest.mark.parametrize("frozen_head", [True, False])
def test_the_loss_in_chunks_is_the_same_with_the_same_gradients(
    batch, monkeypatch: pytest.MonkeyPatch, frozen_head: bool  # type: ignore[no-untyped-def]
) -> None:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    monkeypatch.setattr(losses, "PLACES", 3)  # seven places: three chunks
    torch.manual_seed(3)
    size = {"vocab_size": 11, "hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2, "num_key_value_heads": 1}
    student, teacher = (Qwen2ForCausalLM(Qwen2Config(**size, num_hidden_layers=n)).float() for n in (1, 2))
    student.lm_head.weight.requires_grad_(not frozen_head)
    ids, (places, targets) = batch[2].clamp(min=0), learned(batch[2])
    wanted = teacher(input_ids=ids).logits.detach()
    whole = distillation(student(input_ids=ids).logits, wanted, batch[2], temperature=2.0, alpha=0.5, normalizer=9)
    whole.total.backward()
    gradients = {name: p.grad.clone() for name, p in student.named_parameters() if p.requires_grad}
    student.zero_grad()

    ours = hidden_at(student, places, input_ids=ids)
    theirs = hidden_at(teacher, places, input_ids=ids).detach()

    def of_teacher(here: slice):  # type: ignore[no-untyped-def]
        return apply_head(teacher, theirs[here])

    parts = losses.distillation_in_chunks(student, ours, of_teacher, targets, temperature=2.0, alpha=0.5, normalizer=9)
    parts.total.backward(retain_graph=True)
    assert parts.tokens == 7 and parts.total.item() == pytest.approx(whole.total.item(), rel=1e-6)
    assert parts.divergence.item() == pytest.approx(whole.divergence.item(), rel=1e-5)
    for name, gradient in gradients.items():
        assert torch.allclose(dict(student.named_parameters())[name].grad, gradient, atol=1e-6), name
    nothing = losses.distillation_in_chunks(student, ours[:0], lambda here: of_teacher(slice(0)), targets[:0], temperature=2.0, alpha=0.5)
    nothing.total.backward()
    assert nothing.total.item() == 0 and nothing.tokens == 0
    with torch.no_grad():
        again = losses.distillation_in_chunks(student, ours, of_teacher, targets, temperature=2.0, alpha=0.5, normalizer=9)
    assert again.total.item() == pytest.approx(whole.total.item(), rel=1e-6)


# ---- a teacher of which the likeliest tokens were kept ----


def _kept(teacher_logits, k: int, temperature: float) -> Kept:  # type: ignore[no-untyped-def]
    log = torch.nn.functional.log_softmax(teacher_logits / temperature, dim=-1)
    top = log.topk(k)
    rest = None if k == log.size(-1) else log.scatter(1, top.indices, -math.inf).logsumexp(1)
    return Kept(log_probs=top.values, tokens=top.indices, rest=rest, vocabulary=log.size(-1))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_whole_vocabulary_kept_is_the_loss_itself(batch, temperature: float) -> None:  # type: ignore[no-untyped-def]
    student, teacher, labels = batch
    places, targets = learned(labels)
    found = []
    for wanted in (teacher[places], _kept(teacher[places], 11, temperature)):
        logits = student[places].clone().requires_grad_()
        parts = distillation_at(logits, wanted, targets, temperature=temperature, alpha=0.6)
        parts.total.backward()
        found.append((parts, logits.grad))
    (online, online_gradient), (kept, kept_gradient) = found
    for name in ("total", "divergence", "cross_entropy"):
        assert getattr(kept, name).item() == pytest.approx(getattr(online, name).item(), rel=1e-6), name
    assert torch.allclose(kept_gradient, online_gradient, atol=1e-7)


@pytest.mark.parametrize("k", [1, 4, 9])
def test_what_was_not_kept_is_one_class_more(batch, k: int) -> None:  # type: ignore[no-untyped-def]
    """By hand; never above the whole divergence, and what the student believes among the others gets no gradient but together."""
    student, teacher, labels = batch
    places, targets = learned(labels)
    logits = student[places].clone().requires_grad_()
    parts = distillation_at(logits, _kept(teacher[places], k, 2.0), targets, temperature=2.0, alpha=1.0)
    parts.total.backward()
    whole, by_hand = 0.0, 0.0
    for s, q in zip(student[places].tolist(), teacher[places].tolist(), strict=True):
        ours, theirs = _softmax([x / 2 for x in s]), _softmax([x / 2 for x in q])
        kept = sorted(range(11), key=lambda i: -theirs[i])[:k]
        pairs = [(theirs[i], ours[i]) for i in kept]
        pairs.append((1 - sum(theirs[i] for i in kept), 1 - sum(ours[i] for i in kept)))
        by_hand += 4 * sum(a * math.log(a / b) for a, b in pairs)
        whole += 4 * sum(a * math.log(a / b) for a, b in zip(theirs, ours, strict=True))
    assert float(parts.divergence) == pytest.approx(by_hand / len(targets), rel=1e-5)
    assert by_hand < whole
    left_alone = logits.grad / torch.softmax(student[places] / 2, dim=-1)  # of the others: the same for all
    for at, row in enumerate(left_alone):
        others = torch.tensor(sorted(range(11), key=lambda i: float(teacher[places][at, i]))[: 11 - k])
        assert torch.allclose(row[others], row[others][0].expand(11 - k), atol=1e-4)


def test_a_teacher_that_is_sure_leaves_no_rest_and_nothing_infinite(batch) -> None:  # type: ignore[no-untyped-def]
    student, _, labels = batch
    places, targets = learned(labels)
    sure = Kept(log_probs=torch.zeros(len(targets), 1), tokens=targets[:, None], rest=torch.full((len(targets),), -1e4), vocabulary=11)
    logits = student[places].clone().requires_grad_()
    parts = distillation_at(logits, sure, targets, temperature=1.0, alpha=1.0)
    parts.total.backward()
    assert float(parts.divergence) == pytest.approx(float(parts.cross_entropy), rel=1e-6)
    assert logits.grad.isfinite().all()
