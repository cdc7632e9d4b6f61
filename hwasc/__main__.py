"""`python -m hwasc`."""

import sys

from hwasc.parallel.module_path import leave_out_current_folder

leave_out_current_folder()  # `python -m` has put it first; before anything else is imported

from hwasc.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
