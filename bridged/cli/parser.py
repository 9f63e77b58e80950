"""A command line that speaks the person's language, and tells what was probably meant."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from bridged.cli.argparse_words import said, speak
from bridged.cli.language import language, say
from bridged.cli.table import width
from bridged.cli.wrapping import wrap

MEANT = {"ja": "もしかして: {}", "en": "did you mean {}?"}
EARLIER = {"ja": "{} はコマンドの前に置きます", "en": "{} goes before the command"}

speak()


class Formatter(argparse.HelpFormatter):
    """Breaks lines by what letters take on the terminal, but no line that is indented."""

    def _format_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None) -> str:
        if prefix is not None:
            return super()._format_usage(usage, actions, groups, prefix)
        # Lines after the first are indented by len(): let it measure something as wide.
        shown = said("usage: ")
        stand_in = "usage:".ljust(width(shown))
        return super()._format_usage(usage, actions, groups, stand_in).replace(stand_in, shown, 1)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrap(text, width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(
            indent + line
            for paragraph in text.splitlines()
            for line in ([paragraph] if paragraph[:1].isspace() else wrap(paragraph, width))
        )


class Parser(argparse.ArgumentParser):
    """Ends with status 2 for what makes no sense, with a suggestion where there is one."""

    earlier: frozenset[str] = frozenset()
    """The options that go before the command."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(formatter_class=Formatter, **kwargs)

    def add_subparsers(self, **kwargs: Any) -> Any:
        """Take commands below this one, one of which must be named."""
        title = say("コマンド", "commands")
        return super().add_subparsers(title=title, required=True, **kwargs)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse here, with the usage of this very command, what the topmost parser would refuse."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            words = [self._about(word) for word in unknown if word.startswith("-")]
            message = said("unrecognized arguments: %s") % " ".join(unknown)
            self.error(_lines(message, *words))
        return found, unknown

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            meant = _meant(str(value), map(str, action.choices or ()))
            raise argparse.ArgumentError(action, _lines(error.message, meant)) from None

    def _about(self, word: str) -> str:
        option = word.partition("=")[0]
        if option in self.earlier:
            return EARLIER[language()].format(option)
        return _meant(option, self._option_string_actions)


def _lines(*parts: str) -> str:
    return "\n".join(filter(None, parts))


def _meant(word: str, choices: Iterable[str]) -> str:
    close: Sequence[str] = difflib.get_close_matches(word, list(choices), n=1)
    return MEANT[language()].format(close[0]) if close else ""
