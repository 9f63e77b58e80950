"""`bridged COMMAND`: the command line."""

from __future__ import annotations

import locale
import logging
import os
import sys

from bridged.cli.commands import parser
from bridged.errors import BridgedError


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit status."""
    args = parser().parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if args.verbose else logging.INFO,
        format="%(levelname)s %(name)s: %(message)s",
    )
    try:
        return int(args.run(args))
    except BridgedError as error:
        print(f"bridged: {error.messages()[language()]}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def language() -> str:
    """Return the language of the person's messages: `ja` or `en` (POSIX, section 8.2)."""
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    chosen = next(filter(None, names), None) or locale.getlocale()[0] or ""
    return "ja" if chosen.lower().startswith("ja") else "en"


if __name__ == "__main__":
    sys.exit(main())
