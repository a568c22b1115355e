"""What is made again after a change of an index folder, and what lies in it on disk.

indexer (one writer, one run of the stages), reading and linking (stages 1 and 2), apply_macros and file_constraints (what a process makes
of one file), changes and constraint_files (which files a change touches), state and records (what lies on disk), report. The stages'
results are kept and asked in storage/.

Invariants: a record is made of the texts and of what earlier stages made, so a killed run goes on where it stood; the state that holds is
never written to; one file that is too slow, too big or breaks the parser costs itself alone.
"""
