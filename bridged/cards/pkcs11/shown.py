"""What the tokens of a card have shown so far: its keys, by references that stay."""

from __future__ import annotations

from collections.abc import Sequence

from bridged.cards.key import Key, PinObject
from bridged.cards.pkcs11 import calls as c
from bridged.cards.pkcs11 import objects
from bridged.model import PinAlphabet, PinRules, Usage

LONGEST_PIN = 255
"""Where the token says nothing believable (characters)."""


class Shown:
    """The tokens of a card, asked once each before a login and once in one."""

    def __init__(self, places: Sequence[c.Place], tokens: Sequence[c.Token]) -> None:
        self._labels = [place.label for place in places]
        self._public = list(tokens)
        self.tokens = list(tokens)
        self.pins = [self._pin_object(index) for index in range(len(places))]
        self._seen_private: set[int] = set()
        self._refs: dict[tuple[int, Usage], list[bytes]] = {}
        self._where: dict[str, tuple[int, bytes]] = {}

    def keys(self, usage: Usage | None) -> list[Key]:
        """Return the keys of a usage, or all."""
        found = [
            each
            for index, token in enumerate(self.tokens)
            for each in objects.found_in(
                index, token, self._public[index], logged_in=self.is_private(index)
            )
        ]
        return [
            self._key(each, each_usage)
            for each, each_usage in objects.usages(found)
            if usage in {None, each_usage}
        ]

    def chain(self, key: Key) -> tuple[bytes, ...]:
        """Return the issuers of a key's certificate among all certificates."""
        carried = [each for token in self.tokens for each in token.certificates]
        return objects.chain(key.certificate, carried)

    def where(self, key: Key) -> tuple[int, bytes]:
        """Return the index of a key's token, and its CKA_ID."""
        return self._where[key.ref]

    def wanting(self, index: int) -> set[bytes]:
        """Return the ids of a token's keys that want the PIN before each signature."""
        return {key.id for key in self.tokens[index].keys if key.always_authenticate}

    def is_private(self, index: int) -> bool:
        """Whether a token was read in a login, when private keys show."""
        return index in self._seen_private

    def show_private(self, index: int, token: c.Token) -> None:
        """Take what a token showed in a login."""
        self.tokens[index] = token
        self._seen_private.add(index)

    def _key(self, found: objects.Found, usage: Usage) -> Key:
        token = self.tokens[found.token]
        needs_login = token.flags & c.TokenFlag.LOGIN_REQUIRED
        return Key(
            ref=self._ref(found, usage),
            usage=usage,
            label=found.label or self._labels[found.token],
            pin=self.pins[found.token] if needs_login else None,
            pin_always=False,
            inputs=objects.inputs(found.certificate, token.mechanisms),
            certificate=found.certificate,
            certificate_private=found.private,
        )

    def _ref(self, found: objects.Found, usage: Usage) -> str:
        """Return a name that stays: a key that was still to be seen keeps the one it had."""
        seen = self._refs.setdefault((found.token, usage), [])
        if found.id not in seen:
            if b"" in seen:
                seen[seen.index(b"")] = found.id
            else:
                seen.append(found.id)
        ref = f"{found.token}{usage[0]}{seen.index(found.id)}"
        self._where[ref] = (found.token, found.id)
        return ref

    def _pin_object(self, index: int) -> PinObject:
        token = self.tokens[index]
        most = token.max_pin if 0 < token.max_pin <= LONGEST_PIN else LONGEST_PIN
        least = token.min_pin if 0 < token.min_pin <= most else 1
        return PinObject(
            ref=str(index),
            label=self._labels[index] if len(self._labels) > 1 else "PIN",
            rules=PinRules(min_length=least, max_length=most, alphabet=PinAlphabet.ASCII),
            protected=bool(token.flags & c.TokenFlag.PROTECTED_AUTHENTICATION_PATH),
        )
