"""Which PKCS#11 modules there are: those of the settings, then those found where they are put."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bridged.cards.pkcs11.module import Module
from bridged.config import Pkcs11Settings
from bridged.files import distrust

log = logging.getLogger(__name__)

KNOWN = (
    ("SafeNet Authentication Client", ("libIDPrimePKCS11.so", "libeToken.so", "libeTPkcs11.so")),
    ("SafeSign", ("libaetpkss.so", "libaetpkss.so.3")),
    ("sc/interface", ("libcvP11.so",)),
    ("Charismathics", ("libcmP11.so",)),
    ("Bit4id", ("libbit4xpki.so", "libbit4ipki.so")),
    ("Feitian", ("libcastle_v2.so", "libcastle.so")),
    ("Gemalto Classic Client", ("libgclib.so",)),
    ("Athena", ("libASEP11.so",)),
    ("OpenSC", ("opensc-pkcs11.so",)),
)
"""Who ships which file. OpenSC knows so many cards that whoever made one is asked before."""

FOLDERS = (
    "usr/lib/*-linux-gnu",
    "usr/lib/*-linux-gnu/pkcs11",
    "usr/lib64",
    "usr/lib64/pkcs11",
    "usr/lib",
    "usr/lib/pkcs11",
    "usr/local/lib",
    "usr/local/lib/pkcs11",
)
P11_KIT = ("etc/pkcs11/modules", "usr/share/p11-kit/modules")
"""Where packages tell p11-kit of their modules; the first folder overrides the second."""

NO_CARDS = ("p11-kit", "gnome-keyring", "libsofthsm", "libtpm2_pkcs11", "libnssckbi")
"""How the names of modules begin that have no card reader."""


class Modules:
    """The modules to ask about a card, best first; looked for anew each time, kept by file.

    `settings` may be exchanged: they hold for the next card.
    """

    def __init__(self, settings: Pkcs11Settings, root: Path = Path("/")) -> None:
        self.settings = settings
        self._root = root
        self._known: dict[Path, Module] = {}
        self._lock = threading.Lock()

    def __call__(self) -> Sequence[Module]:
        """Return them; a file that others could have changed is left out, and the log says so."""
        with self._lock:
            modules: dict[Path, Module] = {}
            for found in self._all():
                if why := distrust(found.path):
                    log.warning("a PKCS#11 module is not used: %s", why)
                    continue
                real = found.path.resolve()
                modules.setdefault(real, self._kept(real, found))
            return tuple(modules.values())

    def _kept(self, real: Path, found: Module) -> Module:
        """Return the module as it is known by its faults, unless the settings now say otherwise of it."""
        known = self._known.get(real)
        if known is None or (known.name, known.any_slot) != (found.name, found.any_slot):
            known = self._known[real] = found
        return known

    def _all(self) -> Iterator[Module]:
        for each in self.settings.modules:
            yield Module(Path(each.path), each.name or Path(each.path).name, each.any_slot)
        if self.settings.discover:
            folders = [folder for each in FOLDERS for folder in sorted(self._root.glob(each))]
            *makers, opensc = KNOWN
            yield from _installed(makers, folders)
            yield from self._told_to_p11_kit(folders)
            yield from _installed([opensc], folders)

    def _told_to_p11_kit(self, folders: Sequence[Path]) -> Iterator[Module]:
        files: dict[str, Path] = {}
        for folder in P11_KIT:
            for file in sorted((self._root / folder).glob("*.module")):
                files.setdefault(file.name, file)
        last = dict(KNOWN)["OpenSC"]
        for file in files.values():
            for path in _paths(_module_of(file), folders):
                if not path.name.startswith(NO_CARDS) and path.name not in last:
                    yield Module(path, file.stem)


def _installed(
    makers: Iterable[tuple[str, tuple[str, ...]]], folders: Sequence[Path]
) -> Iterator[Module]:
    for maker, names in makers:
        path = next((f / name for name in names for f in folders if (f / name).is_file()), None)
        if path is not None:
            yield Module(path, maker)


def _module_of(file: Path) -> str:
    """Return the `module:` of a p11-kit file, empty where it is for other programs alone."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError):
        return ""
    fields = {
        name.strip(): value.strip()
        for name, colon, value in (line.partition(":") for line in lines)
        if colon and not name.lstrip().startswith("#")
    }
    return "" if "enable-in" in fields else fields.get("module", "")


def _paths(name: str, folders: Sequence[Path]) -> list[Path]:
    """Return where a module is; a bare name is looked for as p11-kit does, in `pkcs11` folders."""
    if not name:
        return []
    candidates = [Path(name)] if name.startswith("/") else [folder / name for folder in folders]
    return [path for path in candidates if path.is_file()][:1]
