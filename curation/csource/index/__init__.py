"""Where is a name defined, called, used? Lookup over the facts of all files, in memory or on disk behind the same tables.

symbol_tables holds names, source_lines texts, lookup answers with both, call_kinds tells a call of a function from one through a variable
of that name, nearest which of many functions stand close to a place.

Invariants: an index is made once, of facts that are expanded, and answers the same as long as it lives; no answer depends on what was asked
before; it knows no types of expressions and nothing of what flows (pointsto/, program.py).
"""
