"""`bridged config show`: every setting with its value, and where it comes from."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bridged.cli.arguments import add_config
from bridged.cli.language import say
from bridged.cli.output import add_json, print_json
from bridged.config import Config, default_path, flat, load
from bridged.config_faults import places


@dataclass(frozen=True, slots=True)
class Setting:
    """One key, dotted, with what holds and the line of the file that says so (None: the default)."""

    key: str
    value: Any
    line: int | None


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser("config", help=say("設定を表示する", "show the settings"))
    actions = parser.add_subparsers(metavar="ACTION")
    show = actions.add_parser(
        "show",
        help=say(
            "すべての設定を表示する（説明は docs/settings.md）",
            "print every setting; docs/settings.md explains them",
        ),
    )
    show.add_argument(
        "--origin",
        action="store_true",
        help=say("それぞれの値の出どころを示す", "say where each value comes from"),
    )
    add_json(show)
    add_config(show)
    show.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the settings as TOML, which `bridged serve` would take, or as JSON."""
    file = args.config or default_path()
    config = load(args.config)
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    found = list(settings(config, text))
    if args.json:
        rows = [{"key": s.key, "value": s.value, "line": s.line} for s in found]
        print_json({"file": str(file), "settings": rows})
        return 0
    for setting in found:
        value = "# not set" if setting.value is None else f"= {toml(setting.value)}"
        origin = "default" if setting.line is None else f"{file}:{setting.line}"
        print(f"{setting.key} {value}" + (f"  # {origin}" if args.origin else ""))
    return 0


def settings(config: Config, text: str) -> Iterator[Setting]:
    """Return every setting; `text` is the TOML it was read from."""
    known = places(text)
    for key, value in flat(config).items():
        line = next((n for at, (n, _) in known.items() if _is_at(at, key)), None)
        yield Setting(key, value, line)


def _is_at(place: str, key: str) -> bool:
    return place == key or place.startswith(f"{key}[")


def toml(value: Any) -> str:
    """Return a value as TOML (1.0.0); the tables of an array stand inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple | set | frozenset):
        ordered = sorted(value) if isinstance(value, set | frozenset) else value
        return "[" + ", ".join(map(toml, ordered)) + "]"
    # What JSON writes for text, numbers and truth TOML reads the same.
    return json.dumps(value, ensure_ascii=False)
