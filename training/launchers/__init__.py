"""How a worker is started: one file each."""
