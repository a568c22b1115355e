"""`python -m flowsight` is the program `flowsight`."""
import sys

from flowsight import main

if __name__ == "__main__":
    sys.exit(main())
