"""Where facts and tables of a corpus lie: in `memory`, or in an index folder (`folder`, its `folder_tables`, and `folder_index`,
which asks it).

Invariant: both answer alike; the stages above (csource/stages.py) do not know which one they ask."""
