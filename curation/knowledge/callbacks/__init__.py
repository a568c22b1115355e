"""When and in which context does a callback run, and may it sleep?

1. registrations            where a row's API or field gets which function, and what the row says of it
2. indirect_registrations   the rows that a function gets to by a way of its own, through the solved flow
3. bodies, blocking, loops  what a function's own text tells: it sleeps, it takes or leaves a lock, where its loops are
4. callers, contexts        who calls a function, with which locks held, and in which context
5. origins                  from which beginnings of a user-space program a function is reached: main, its loop, threads, signals
6. conventions              what the names and types of interfaces say, the last resort
7. callback_use, inferred   each function's name used as a value, and the strongest of these for every callback that no row speaks about

Invariants: a row is stronger than code, code than names; None means not known and is never filled by a guess that is not marked so
(`Inferred.sure`); what is made of a program ends with it (`Program.once`).
"""
