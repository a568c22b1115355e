"""See the design: one file a kind."""
