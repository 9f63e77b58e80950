"""`bridged COMMAND`: the command line."""

from __future__ import annotations

import logging
import platform
import sys

from bridged.cli.language import language
from bridged.cli.output import print_error
from bridged.errors import BridgedError

LINUX_ONLY = {
    "ja": "bridgedは今のところLinuxでのみ動作します。WindowsとmacOSについてはdocs/install.mdをご覧ください。",
    "en": "bridged runs on Linux alone so far; docs/install.md tells about Windows and macOS.",
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit status."""
    if platform.system() != "Linux":
        print(f"bridged: {LINUX_ONLY[language()]}", file=sys.stderr)
        return 1
    # What follows needs modules that Windows does not have.
    from bridged.cli.commands import parser  # noqa: PLC0415

    args = parser().parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if args.verbose else logging.INFO,
        format="%(levelname)s %(name)s: %(message)s",
    )
    try:
        return int(args.run(args))
    except BridgedError as error:
        if getattr(args, "json", False):
            print_error(error)
        else:
            print(f"bridged: {error.messages()[language()]}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
