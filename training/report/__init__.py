"""What did the training bring? The before/after report: built by the evaluate stage, read by the page, written as Markdown, CSV and JSON.

No torch here. `build` compares the predictions of several models over the same rows (building.py); `read` puts together what a run's
stages left behind (reading.py); `compare` puts runs side by side (comparing.py); tables.py and files.py write it for people.

report.json, format 2. A *figure* is {"value", "low", "high"} (95 %), or {"value", "low": null, "high": null, "why": "too_few"} where
there are too few groups for an interval, or null where there is no row. *who*: "base", "tuned", "teacher", "untuned_teacher", or the type
of a quantized file ("Q4_K_M"). "base" is missing where a model was evaluated alone; "tuned" is always there.

  format 2, seed, rows (evaluated), test_rows (of the whole split), groups (among the rows evaluated)
  chosen     {"how": "all" | "first" | "sample", "limit": int or null, "per_task": int or null}
  asked      {"stop_after_line": bool, "max_new_tokens": {task: tokens}, "not_asked": quantized types that were left out, since one that is
              preferred to them passed (may be missing)}
  models     {who: {"role": "base" | "tuned" | "teacher" | "untuned_teacher" | "quantized", "path", "type": "F16" | "Q4_K_M" | null,
              "bytes": of the file or null, "engine": "llama_cpp" | "transformers", "seconds": of all rows, "tokens": made, "rows_per_s"}}
  verdict    {"ship": bool, "gates": [{"name", "subject": who, baseline, slice or null, "passed": true | false | null (not judged),
              "value": number or null, "limit": number, "reason": a Reason's record or null}], "types": {"Q4_K_M": bool}}: training/gates.py
  overall    {who: {"score": figure, the mean over tasks (the headline), "score_rows": the mean over rows, "parse_rate", "stop_rate",
              "hallucinated", "repeated", "surprise": figures, "n": rows with a structured answer}}
  change     tuned minus base, paired, or null: {"score": figure (over tasks), "score_rows": figure, "won", "lost", "same"}
  tasks      {task: {"rows", "answered" (with a structured answer), "groups", "metrics" (of the manifest),
              "figures": {who: {"n", "score", "parse_rate", "stop_rate", "repeated", "hallucinated", "all_right", "surprise", "tokens"
                          (mean of an answer), "seconds" (mean): figures, "ended": {"stop", "length", "prompt"},
                          "fields": {field: {"metric": "set" | "sequence", "precision", "recall", "f1", "macro_f1"} or {"metric":
                          "accuracy", "accuracy", "macro_f1", "costly" (where named), "confusion": {"gold": [class as JSON text],
                          "said": [class, ..., null for not parsed], "counts": [[of gold i said j]]}}}}},
              "change": figure or null, "won", "lost", "same", "langs": {lang: {who: figure}}}}
  slices     [{"by": "source" | "lang" | "length" | "difficulty" | "kind", "value": text, "rows", "groups", "scores": {who: figure},
              "change": figure or null}]: mean over rows; length is of the prompt in tokens, in thirds ("≤412", "413–980", ">980")
  baselines  {name: {"reads_code": bool, "skipped": code or null, "rows" (it could answer), "score", "score_rows": figures,
              "tasks": {task: {"score", "fields"}}, "change": tuned minus baseline, paired, over tasks: figure}}: training/baselines.py
  failures   {who: {code: rows}}, codes as metrics.failures gives them; one row may have several
  examples   [{"id", "task", "lang", "source", "file", "line", "item", "result": "won" | "lost" | a failure's code, "gold",
              who: {"text", "score", "ended"} for every who}]: at most EXAMPLES a task of each result; all answers are in the files
  files      {"rows": "rows.jsonl", "predictions": {who: "predictions-base.jsonl"}}, beside report.json; `samples` joins them

rows.jsonl: {"id", "task", "lang", "origin", "group", "source", "file", "line", "item" (its id for "back to labeling", or null), "kind",
"difficulty", "prompt": [messages], "completion": text, "gold"} a line. predictions-<who>.jsonl: {"id", "task", "lang", "group", ...,
"text", "tokens", "prompt_tokens", "ended", "seconds", "wall_s", "parsed", "gold", "scores": {field: ...}, "hallucinated": [names],
"repeated", "failures": [codes], "surprise": {"nats", "tokens"} or null, "prompt_sha256"} a line (training/predictions.py).

Format 1 (before this one) has models, rows, test_rows, tasks (with figures, change, won, lost, same, langs) and examples of won and
lost alone, its intervals are over rows; it is still shown, and said to be older.

>>> report = read(Path("workspace/runs/demo-v0001-tiny"))
>>> report["evaluation"]["tasks"]["function_pointer"]["figures"]["tuned"]["fields"]["targets"]["f1"]
{'value': 0.71, 'low': 0.64, 'high': 0.78}
"""
from training.report.building import AFTER, BEFORE, EXAMPLES, FORMAT, Figure, build, overall, paired
from training.report.comparing import compare
from training.report.files import csv_text, markdown
from training.report.reading import evaluated_ns, read, reported_runs, samples
from training.report.tables import figures_of, headline, older, shown, table

__all__ = ["AFTER", "BEFORE", "EXAMPLES", "FORMAT", "Figure", "build", "compare", "csv_text", "evaluated_ns", "figures_of", "headline",
           "markdown", "older", "overall", "paired", "read", "reported_runs", "samples", "shown", "table"]
