"""From the facts of files as they are written to the facts of the corpus as its own macros make it; there is no preprocessor, no include
path and no configuration.

One trip: `apply.Expander.expand`, one file at a time, in rounds (stages.expand_all), first has `reparse.Reparser` parse anew a file whose
text cannot be parsed as it is written: templates, tables that an #include or a macro fills, files with macros that open braces
(`brace_macros`). Then `operand_macros` puts the place that a macro stands for into operands, `relevance` tells which invocations hide
facts, `summaries` gives the calls of those that only call, and `invocations` parses what the rest stands for. All of them ask
`expand.Macros`, which knows which definition a name has in a file and what a text stands for there.

Modules, bottom to top: dependencies, expand, callables, local_names, summaries, relevance, operand_macros, invocations, brace_macros,
reparse, apply.

Invariants: after expansion no invocation of a corpus macro that stores a function, or calls through a pointer, is left without the facts
of what it stands for, up to limits that are named constants (beyond one, a problem "unexpanded" says so); every fact from within a macro
stands at the invocation and names the macro; facts that were written are only added to. What was looked up for a file is in its
`dependencies.Dependencies`: while no meaning of those names changes, the file's facts do not.
"""
