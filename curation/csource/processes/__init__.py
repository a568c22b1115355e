"""Reading hostile files in processes that may be killed: `pool` hands out one file at a time with a limit of time and memory, `worker` is
the process, `messages` what they say to each other, `peak_memory` what a run needed at most.

Invariant: no file, whatever is in it, ends or fills the process that asked for its facts."""
