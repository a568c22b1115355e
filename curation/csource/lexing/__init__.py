"""From the text of one file to code that can be parsed, without a preprocessor: comments, contents of strings and directives blanked,
branches of conditional compilation chosen, annotations known for what they are.

`prepare.prepare` does it, by way of `directives` (macros and conditions) and `conditionals` (which branches can stand beside each other).
The others answer questions over prepared code or a piece of it: `alternatives` (which elements of a list stand at the same position),
`annotations` (which words of a declaration are no part of its type or name), `brackets` (what closes what), `openers` (which names may be
macros that open a brace), `keywords`; and `balanced_lines`, over a text as it is written, which lines must be shown beside a line.

Invariant: prepared code is as long as its text, and every character of it that is not blanked stands at its old offset, so that lines and
columns never need to be mapped back.
"""
