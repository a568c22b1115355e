"""What will a run need, and what fits where? Memory of each stage, hours and cost, from the model's shape alone: nothing is loaded.

shapes.py says how large a model is, memory.py what each stage keeps of it, cards.py which cards there are, plans.py what would fit on one
and how long it takes. Everything here is reckoned; docs/scale.md says against what it was measured.

>>> whole = estimate(load("qwen2.5-coder-7b"), lengths=[400] * 1000, card=cards()["rtx-4090"])
>>> [(of.stage, of.fits) for of in whole.stages][:2]
[('sft', True), ('dpo', True)]
"""
from training.estimate.cards import Card, cards
from training.estimate.memory import Memory, of_stage
from training.estimate.plans import Estimate, Plan, estimate, fitting, table
from training.estimate.shapes import Shape, shape_of

__all__ = ["Card", "Estimate", "Memory", "Plan", "Shape", "cards", "estimate", "fitting", "of_stage", "shape_of", "table"]
