"""How do the training recipes drive transformers' Trainer? Settings they share, the loop's arguments, events, checkpoints, best and last.

torch, transformers and TRL are imported inside functions. What is trained is float32 (see `recast_trainable`): measured on this stack,
kill -9 and resume is then bit-identical, and an adapter in bfloat16 hardly moves at small learning rates.

>>> trainer = SFTTrainer(model=model, args=SFTConfig(**loop_arguments(ctx, ctx.settings)), callbacks=[events_of(ctx)], ...)
>>> figures = fit(trainer, ctx)          # from the last complete checkpoint, if there is one
"""
from training.fit.adapters import add_adapter, load_for_tuning, lora_config, recast_trainable, say_dtype
from training.fit.arguments import check_machine, loop_arguments
from training.fit.checkpoints import CHECKPOINTS, last_complete_checkpoint
from training.fit.events import events_of
from training.fit.fitting import columns, fit, save_best_and_last
from training.fit.settings import AdapterSettings, LoopSettings, Reporter

__all__ = ["CHECKPOINTS", "AdapterSettings", "LoopSettings", "Reporter", "add_adapter", "check_machine", "columns", "events_of", "fit",
           "last_complete_checkpoint", "load_for_tuning", "loop_arguments", "lora_config", "recast_trainable", "save_best_and_last",
           "say_dtype"]
