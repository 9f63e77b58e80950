"""`bridged COMMAND`: the command line."""

from __future__ import annotations

import errno
import io
import os
import sys

# All else is imported where Ctrl-C and a system that is not supported are told in one line.

LINUX_ONLY = {
    "ja": "bridgedは今のところLinuxでのみ動作します。WindowsとmacOSについてはdocs/install.mdをご覧ください。",
    "en": "bridged runs on Linux alone so far; docs/install.md tells about Windows and macOS.",
}
UNWRITTEN = {
    "ja": "出力を書き込めません（{}）。空き容量と書き込み先を確かめてください。",
    "en": "The output could not be written ({}). See whether the disk is full.",
}
INTERRUPTED = 130
"""The exit status after Ctrl-C, as a shell has it: 128 and the number of the signal."""
READER_GONE = 141
"""That of SIGPIPE: what read the output had enough of it."""
_OUTPUT_ERRORS = {errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF}


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit status."""
    try:
        _prepare_output()
        try:
            return _run(argv)
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        if error.errno not in _OUTPUT_ERRORS or error.filename is not None:
            raise
        return _lost_output(error)


def _prepare_output() -> None:
    """Let every text be printed: where a stream is closed, and where a terminal lacks the letters."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _lost_output(error: OSError) -> int:
    from bridged.cli.language import language  # noqa: PLC0415

    # What is left in the buffer would fail once more when Python ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if error.errno == errno.EPIPE:
        return READER_GONE
    print(f"bridged: {UNWRITTEN[language()].format(error.strerror)}", file=sys.stderr)
    return 1


def _run(argv: list[str] | None) -> int:
    import logging  # noqa: PLC0415
    import platform  # noqa: PLC0415

    from bridged.cli.language import language  # noqa: PLC0415
    from bridged.cli.output import print_error  # noqa: PLC0415
    from bridged.cli.wrapping import columns_of, wrap  # noqa: PLC0415
    from bridged.errors import BridgedError  # noqa: PLC0415

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
            said = wrap(f"bridged: {error.messages()[language()]}", columns_of(sys.stderr))
            print("\n".join(said), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
