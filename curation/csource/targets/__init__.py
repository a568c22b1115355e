"""What does one indirect call reach: which functions, in which order, is that all, and what shows it?

1. resolution     what an answer is: candidates, how they were found, whether they are all
2. resolve        from the solution, or from likeness where no flow leads to the call, to candidates with their evidence
3. ranking        the features of a candidate and the one table of their weights
4. completeness   by which ways the pointer can also hold what nobody in this code puts there
5. witness        the way of a function to the call, place by place
6. excerpt        the fewest lines from which a reader sees that an answer is right

Invariants: nothing here changes the solution. "complete" is said only where flow found all candidates, each is defined in the corpus, and
walking back from the callee meets no parameter that code outside can fill and no field of a struct that is not known. The order depends
on the code alone, ties are broken by name.
"""
