"""Which uses of an asynchronous mechanism does a corpus hold, each with the places that bind, trigger, execute and wait?

1. assignments     what a file assigns to which variable; operands read from text
2. operand_types   the types of operands, as far as naming their objects depends on them
3. objects         which object an expression means, by paths that two places can share
4. occurrence      one place: mechanism, phases, what it may be about, the handlers bound there
5. unknown_calls   occurrences that no row knows: wrappers, told by their names and what they are given
6. occurrences     all occurrences of a file
7. grouping        occurrences of one object are one group
8. descriptors     what needs all groups: eventfd and timerfd by their bytes, self-pipes, dispatching loops
9. uses            groups as patterns, with the handlers' definitions

Invariants: an occurrence stands in a pattern only with the mechanism of its row; two elements of a table that constants tell apart are two
objects; a group that says no more than another is left out.
"""
