"""The administrator's policy: which sites are allowed and denied, whatever the person says."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec

from bridged.config import DEFAULT_GRANTS
from bridged.config_faults import located
from bridged.errors import ConfigError
from bridged.model import Grant
from bridged.sites.origins import Origin

POLICY_FILE = Path("/etc/bridged/policy.toml")


@dataclass(frozen=True, slots=True)
class Pattern:
    """An exact origin, or `https://*.pref.example.jp`: every name below, whole labels, that port."""

    scheme: str
    rest: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern; raises `ValueError`."""
        scheme, colon, rest = text.partition("://")
        example = "any" + rest.removeprefix("*") if rest.startswith("*.") else rest
        if Origin.parse(scheme + colon + example) is None:
            raise ValueError(f"{text!r} is no origin and no pattern such as https://*.example.jp")
        return cls(scheme + colon, rest.removeprefix("*"))

    def __str__(self) -> str:
        return (
            f"{self.scheme}*{self.rest}" if self.rest.startswith(".") else self.scheme + self.rest
        )

    def matches(self, origin: Origin) -> bool:
        """Whether the whole origin is meant."""
        if not self.rest.startswith("."):
            return origin.text == self.scheme + self.rest
        return (
            origin.text.startswith(self.scheme)
            and origin.text.endswith(self.rest)
            and len(origin.text) > len(self.scheme) + len(self.rest)
        )


class ManagedSite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sites by origin or pattern, and just what they may do."""

    origin: str
    grants: frozenset[Grant] = DEFAULT_GRANTS


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    managed_only: bool = False
    allow: tuple[ManagedSite, ...] = ()
    deny: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """What the administrator decided; a denial wins over what is allowed."""

    managed_only: bool = False
    allow: tuple[tuple[Pattern, frozenset[Grant]], ...] = ()
    deny: tuple[Pattern, ...] = ()

    def denies(self, origin: Origin) -> bool:
        """Whether the site may not connect here."""
        if any(pattern.matches(origin) for pattern in self.deny):
            return True
        return self.managed_only and self.grants(origin) is None

    def grants(self, origin: Origin) -> frozenset[Grant] | None:
        """Return what the administrator lets the site do, by the closest pattern; None: silent."""
        found = [(len(p.rest), g) for p, g in self.allow if p.matches(origin)]
        return max(found, key=lambda each: each[0])[1] if found else None

    def allowed(self) -> dict[str, frozenset[Grant]]:
        """Return the origins and patterns that are allowed, as they are written."""
        return {str(pattern): grants for pattern, grants in self.allow}


def load_managed(path: Path = POLICY_FILE) -> ManagedPolicy:
    """Read the policy; none where there is no file.

    Raises `ConfigError` for a file that cannot be read or understood: a policy is never passed over.
    """
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        file = msgspec.convert(tomllib.loads(text), _File)
        return ManagedPolicy(
            file.managed_only,
            tuple((Pattern.parse(site.origin), site.grants) for site in file.allow),
            tuple(Pattern.parse(text) for text in file.deny),
        )
    except FileNotFoundError:
        return ManagedPolicy()
    except msgspec.ValidationError as error:
        raise ConfigError(file=str(path), detail=located(str(error), text, _File)) from None
    except (OSError, ValueError) as error:
        raise ConfigError(file=str(path), detail=str(error)) from None
