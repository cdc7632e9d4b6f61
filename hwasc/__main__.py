"""`python -m hwasc`."""

import sys

from hwasc.cli import main

if __name__ == "__main__":
    sys.exit(main())
