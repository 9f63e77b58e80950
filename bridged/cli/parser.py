"""A command line that tells what was probably meant."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from bridged.cli.language import language

MEANT = {"ja": "もしかして: {}", "en": "did you mean {}?"}
EARLIER = {"ja": "{} はコマンドの前に置きます", "en": "{} goes before the command"}
_CHOICE = re.compile(r"invalid choice: '(?P<word>[^']*)' \(choose from (?P<choices>.*)\)")


class Parser(argparse.ArgumentParser):
    """Ends with status 2 for what makes no sense, with a suggestion where there is one."""

    earlier: frozenset[str] = frozenset()
    """The options that go before the command."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse here, with the usage of this very command, what the topmost parser would refuse."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            words = [self._about(word) for word in unknown if word.startswith("-")]
            message = f"unrecognized arguments: {' '.join(unknown)}"
            self.error("\n".join([message, *filter(None, words)]))
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Print the usage and what is wrong, and exit."""
        if match := _CHOICE.search(message):
            choices = re.findall(r"[\w.-]+", match["choices"])
            message = "\n".join(filter(None, [message, _meant(match["word"], choices)]))
        super().error(message)

    def _about(self, word: str) -> str:
        option = word.partition("=")[0]
        if option in self.earlier:
            return EARLIER[language()].format(option)
        return _meant(option, self._option_string_actions)


def _meant(word: str, choices: Iterable[str]) -> str:
    close: Sequence[str] = difflib.get_close_matches(word, list(choices), n=1)
    return MEANT[language()].format(close[0]) if close else ""
