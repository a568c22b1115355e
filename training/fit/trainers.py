"""Which trainers run the loops of sft and distill? TRL 1.16's SFTTrainer with three things changed, none of which changes a loss:

- The head computes logits where a token is learned, and nowhere else (losses.cross_entropy_at): of rows of 500 tokens with answers of
  40 that is a tenth. On a CPU TRL's own fused head computes every place.
- Rows are padded on the right and carry no attention mask: under causal attention nothing before the padding sees it, and torch's
  attention is faster without a mask. Models that count padding (mixtures of experts) keep theirs.
- Batches are made of rows of like length, drawn by the seed and the epoch alone, so a resumed run goes on with the same ones.

>>> trainer = trainer_class()(model=model, args=SFTConfig(...), train_dataset=columns(rows), processing_class=tokenizer)
"""
from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from training.losses import cross_entropy_at, head_passes_on, learned, whole_vocabulary_scaled

POOL = 50  # batches that are sorted by length together: as transformers' own grouping has it


class LengthGrouped:
    """A sampler: the rows in an order in which each batch holds rows of like length, the batches themselves shuffled. sizes: tokens of each
    row. The order is that of (seed, epoch); a batch that is not full comes last."""

    def __init__(self, sizes: list[int], batch_size: int, seed: int) -> None:
        self.sizes, self.batch_size, self.seed, self.epoch = sizes, batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[int]:
        draw = random.Random(f"{self.seed} {self.epoch}")
        order = list(range(len(self.sizes)))
        draw.shuffle(order)
        pool = POOL * self.batch_size
        batches = []
        for at in range(0, len(order), pool):
            alike = sorted(order[at : at + pool], key=lambda i: self.sizes[i])
            batches += [alike[i : i + self.batch_size] for i in range(0, len(alike), self.batch_size)]
        full = [batch for batch in batches if len(batch) == self.batch_size]
        draw.shuffle(full)
        return iter([i for batch in [*full, *(b for b in batches if len(b) < self.batch_size)] for i in batch])


def trainer_class() -> Any:
    """Made in a function because TRL is not imported at import time."""
    import torch
    from trl import SFTTrainer

    class AnswerTrainer(SFTTrainer):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            plain = self.accelerator.unwrap_model(self.model)
            self._own_logits = whole_vocabulary_scaled(plain.config)
            if not self.padding_free and not getattr(plain.config.get_text_config(), "output_router_logits", False):
                self.data_collator = _without_mask(self.data_collator)

        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
            """As SFTTrainer's: the sum over learned tokens divided by num_items_in_batch, those of the whole accumulated batch (None while
            evaluating: of this one). Over several processes DDP averages gradients, hence the factor."""
            if self.aux_loss_enabled or self._own_logits or return_outputs:
                return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            places, targets = learned(inputs["labels"])
            given = {key: value for key, value in inputs.items() if key != "labels"}
            plain = self.accelerator.unwrap_model(model)
            head = plain.get_output_embeddings()
            with head_passes_on(plain, places):
                hidden = model(**given, use_cache=False).logits
            with self.accelerator.autocast():
                total, right = cross_entropy_at(hidden, head.weight, getattr(head, "bias", None), targets)
            loss = total / torch.as_tensor(len(targets) if num_items_in_batch is None else num_items_in_batch).clamp(min=1)
            if num_items_in_batch is not None and self.args.average_tokens_across_devices:
                loss = loss * self.accelerator.num_processes
            mode = "train" if model.training else "eval"
            if mode == "train":
                tokenizer: Any = self.processing_class
                pad = tokenizer.pad_token_id
                self._total_train_tokens += int((inputs["input_ids"] != pad).sum())
            self._metrics[mode]["num_tokens"] = [self._total_train_tokens]
            self._metrics[mode]["mean_token_accuracy"].append((right / max(len(targets), 1)).item())
            return loss

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            dataset: Any = self.train_dataset if train_dataset is None else train_dataset
            if self.args.train_sampling_strategy != "group_by_length":
                return super()._get_train_sampler(dataset)
            return LengthGrouped([len(ids) for ids in dataset["input_ids"]], self.args.train_batch_size, self.args.data_seed or 0)

        def _get_eval_sampler(self, eval_dataset: Any) -> Any:
            return torch.utils.data.SequentialSampler(eval_dataset)  # transformers would group by length here too, drawing at random

    return AnswerTrainer


def preference_trainer_class() -> Any:
    """TRL's DPOTrainer over pairs that are tokens already (columns prompt_ids, chosen_ids, rejected_ids)."""
    import torch
    from trl import DPOTrainer

    class PreferenceTrainer(DPOTrainer):
        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            dataset: Any = self.train_dataset if train_dataset is None else train_dataset
            if self.args.train_sampling_strategy != "group_by_length":
                return super()._get_train_sampler(dataset)
            sides = [dataset[name] for name in ("prompt_ids", "chosen_ids", "rejected_ids")]
            sizes = [len(prompt) + max(len(chosen), len(rejected)) for prompt, chosen, rejected in zip(*sides, strict=True)]
            return LengthGrouped(sizes, self.args.train_batch_size, self.args.data_seed or 0)

        def _get_eval_sampler(self, eval_dataset: Any) -> Any:
            return torch.utils.data.SequentialSampler(eval_dataset)

    return PreferenceTrainer


def _without_mask(collate: Any) -> Any:
    def collated(rows: Any) -> Any:
        batch = collate(rows)
        batch.pop("attention_mask", None)
        return batch

    return collated
