"""Run the command as `python -m portal_demo`."""

import sys

from portal_demo.cli import main

if __name__ == "__main__":
    sys.exit(main())
