"""How long do tests wait for what must happen? So long that only a hang lasts longer, at a load of 20 on two cores too.

Waiting costs nothing where the thing happens soon, so no test has a shorter limit of its own."""
PATIENCE_S = 900
