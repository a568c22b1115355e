"""Which files are there, what are their texts, and which includes which?

files lists them, texts and decode give a file's text, inclusions is the one place where an #include's path is resolved, include_graph says
which headers a file sees, path_hints what a path or an #if tells before anything is parsed.

Invariants: files are named relative to the source, with `/`, and taken in the order of their names; bytes that are no text are a problem of
their own file alone; what no file answers, and what is passed over by its name, is told and never dropped in silence.
"""
