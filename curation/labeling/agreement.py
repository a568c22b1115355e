"""How far do people agree, beyond chance? Pure figures over their values.

- cohen_kappa: two people, categories (Cohen 1960, "A Coefficient of Agreement for Nominal Scales").
- fleiss_kappa: as many people for every item, categories (Fleiss 1971, "Measuring Nominal Scale Agreement Among Many Raters").
- krippendorff_alpha: any number of people, missing values, any distance (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability").
- masi_distance: between sets (Passonneau 2006, "Measuring Agreement on Set-valued Items (MASI)"); two empty sets are equal here,
  since "no targets" is a normal answer.

All give 1 for full agreement, 0 for what chance would give, less below; None where the figure is not defined (nothing to compare, or
only one value was ever given).

>>> krippendorff_alpha([[frozenset({"f"}), frozenset({"f", "g"})], [frozenset(), frozenset()]], masi_distance)
0.5714285714285714
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from itertools import combinations
from typing import Any

from curation.labeling.resolve import field_value
from curation.model import Annotation

Distance = Callable[[Any, Any], float]


def nominal_distance(a: Hashable, b: Hashable) -> float:
    """0 for equal values, else 1."""
    return 0.0 if a == b else 1.0


def jaccard_distance(a: frozenset[Any], b: frozenset[Any]) -> float:
    """1 - |A∩B| / |A∪B|; 0 for two empty sets."""
    union = len(a | b)
    return 1 - len(a & b) / union if union else 0.0


def masi_distance(a: frozenset[Any], b: frozenset[Any]) -> float:
    """1 - J·M with Jaccard's J; M = 1 for equal sets, 2/3 where one holds the other, 1/3 where they overlap, 0 where they do not."""
    if a == b:
        return 0.0
    if not a & b:
        return 1.0
    monotonicity = 2 / 3 if a < b or b < a else 1 / 3
    return 1 - (1 - jaccard_distance(a, b)) * monotonicity


def cohen_kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """kappa = (p_o - p_e) / (1 - p_e) for two people's categories of the same items, in the same order."""
    if len(first) != len(second):
        raise ValueError("both people must have a value for every item")
    n = len(first)
    if n == 0:
        return None
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / n
    ours, theirs = Counter(first), Counter(second)
    expected = sum(ours[c] * theirs[c] for c in ours) / n**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def fleiss_kappa(units: Sequence[Sequence[Hashable]]) -> float | None:
    """units: an item's values, equally many (at least 2) for each item.

    P_i = (sum_j n_ij² - m) / (m (m - 1)); kappa = (mean P_i - sum_j p_j²) / (1 - sum_j p_j²)."""
    if not units:
        return None
    m = len(units[0])
    if m < 2 or any(len(unit) != m for unit in units):
        raise ValueError("every item needs the same number of values, at least 2")
    counts = [Counter(unit) for unit in units]
    observed = sum((sum(n * n for n in c.values()) - m) / (m * (m - 1)) for c in counts) / len(units)
    share = sum(counts, Counter())
    expected = sum((n / (m * len(units))) ** 2 for n in share.values())
    return None if expected == 1 else (observed - expected) / (1 - expected)


def krippendorff_alpha(units: Sequence[Sequence[Hashable]], distance: Distance = nominal_distance) -> float | None:
    """units: the values that an item got; items with fewer than two do not count.

    alpha = 1 - D_o / D_e with D_o = (1/n) sum_u sum_{i≠j} d(v_ui, v_uj) / (m_u - 1) and
    D_e = sum_{i≠j} d(v_i, v_j) / (n (n - 1)) over all n values of the items that count."""
    counting = [unit for unit in units if len(unit) >= 2]
    n = sum(len(unit) for unit in counting)
    if n == 0:
        return None
    observed = sum(2 * sum(distance(a, b) for a, b in combinations(unit, 2)) / (len(unit) - 1) for unit in counting) / n
    values = Counter(v for unit in counting for v in unit)
    expected = sum(2 * values[a] * values[b] * distance(a, b) for a, b in combinations(values, 2)) / (n * (n - 1))
    return None if expected == 0 else 1 - observed / expected


def word_value(word: Annotation, field: str, metric: dict[str, Any]) -> Hashable:
    """What a person said of one field, comparable (resolve.field_value). An answer "none" is the empty set; "external" is a value of its
    own."""
    if word.answer is None and metric.get("metric") != "set":
        return f"({word.action})"
    if word.action == "external" and metric.get("metric") == "set":
        return frozenset({"(external)"})
    return field_value((word.answer or {}).get(field), metric)


def field_alpha(words: Sequence[Sequence[Annotation]], field: str, metric: dict[str, Any]) -> float | None:
    """Krippendorff's alpha of one field over items, each with the words of the people who answered it."""
    distance = masi_distance if metric.get("metric") == "set" else nominal_distance
    return krippendorff_alpha([[word_value(word, field, metric) for word in unit] for unit in words], distance)
