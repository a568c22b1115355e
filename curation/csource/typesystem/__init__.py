"""Which type does a C expression have, as far as the text of declarations tells, and which values does a type let in?

c_types: a declaration's text as base and derivations, the typedefs and structs of a corpus, and the way from a type along a path of
fields. compatibility: what a place of a type can hold (functions of so many parameters, objects of a struct, anything), and whether a
value is of that.

Invariants: nothing raises for a type that cannot be read, it is left out; what is not known lets everything in, so that no flow is lost
to a header that is missing.
"""
