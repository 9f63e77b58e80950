"""`bridged completion`: what a shell needs to complete the commands and their options."""

from __future__ import annotations

import argparse

from bridged.cli.language import say

SHELLS = ("bash", "zsh", "fish", "tcsh")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "completion",
        help=say("シェルの補完スクリプトを出力する", "print a completion script for a shell"),
    )
    parser.add_argument("shell", choices=SHELLS, help=say("補完を行うシェル", "which shell"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    print(shtab.complete(args.topmost, args.shell))
    return 0
