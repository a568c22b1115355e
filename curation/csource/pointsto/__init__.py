"""Where do functions and struct objects flow? Inclusion constraints over the whole corpus (Andersen 1994), fields by their struct's type.

A file's facts go upwards through the modules:

1. pointer_facts   what of them can matter at all: a fifth, kept apart so that constraints can be made again without the rest
2. nodes           the places that hold addresses and the values that they hold, named over the whole corpus
3. access_paths    the nodes that an expression names, and its type
4. constraints     what one file says: addresses taken, copies, calls through pointers; constraint_encoding writes it down
5. edges           what the solver keeps of copies and of what is held, in little memory
6. solver          a worklist that spreads the values of all files until nothing moves any more
7. solution        what is asked of it: who reaches a call, by which way, which objects are meant; solution_files keeps it on disk

>>> paths = AccessPaths(index)
>>> solver = Solver(paths)
>>> for facts in index.facts.values():
...     solver.add(constraints_of(paths, pointer_facts(facts)))
>>> solver.run()

Invariants: constraints of a file depend on its facts and on what the names in it mean, on no other file's constraints; the order of the
files changes no answer; a solution read from disk answers as the one that was saved. A value enters a node only where the node's declared
type lets it in. Bounds that were hit are in `Solution.full`.
"""
