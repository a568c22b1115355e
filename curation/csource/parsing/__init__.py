"""From the text of one file to its facts, in one pass and without a syntax tree: what a parser of the whole grammar loses in code that is
written in macros costs here nothing beyond itself.

One trip, from the top: `file_parser.parse_file` prepares the text (lexing/) and hands it to `file_scope.FileScopeParser`, which tells
declarations at file scope apart by their brackets. It hands definitions to `functions.FunctionParser`, types to `structs.StructParser`,
and bodies, initializers and invocations to `statements.StatementParser`. That keeps a stack of open brackets, and hands what it meets to
`local_declarations`, `calls` and `assignments`; they read declarators (`declarators`) and values (`operands`, over `tokens`). All share
one `context.FileText` and `context.Scope`, and add to one FileFacts.

Modules, bottom to top: tokens, operands, declarators, context, assignments, structs, calls, local_declarations, statements, functions,
file_scope, file_parser.

Invariants: a fact stands at the line and column where a person reads it (for a macro's expansion, `parse_fragment`, at the invocation);
whatever the text is, parsing ends, in time that is linear in it but for limits that are named constants, and raises nothing; what is
broken costs the facts of its own function at most. Nothing is known here of other files: a name is a macro, a type or a function by its
look and position alone.
"""
