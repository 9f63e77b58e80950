"""Which modules are found, in which order, and which are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridged.cards.pkcs11.discovery import Modules
from bridged.config import Pkcs11Module, Pkcs11Settings


class Root:
    """A file system of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.chmod(0o755)

    def put(self, path: str, text: str = "") -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o644)
        return file

    def names(self, **settings) -> list[str]:
        return [module.name for module in Modules(Pkcs11Settings(**settings), self.root)()]


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def test_opensc_is_found_by_itself_on_multiarch_paths(root: Root) -> None:
    root.put("usr/lib/aarch64-linux-gnu/opensc-pkcs11.so")
    assert root.names() == ["OpenSC"]


def test_one_library_under_several_names_is_one_module(root: Root) -> None:
    library = root.put("usr/lib/x86_64-linux-gnu/opensc-pkcs11.so")
    other = root.root / "usr/lib/x86_64-linux-gnu/pkcs11/opensc-pkcs11.so"
    other.parent.mkdir()
    other.symlink_to(library)
    root.put("usr/share/p11-kit/modules/opensc.module", "module: opensc-pkcs11.so\n")
    assert root.names() == ["OpenSC"]


def test_the_makers_module_goes_before_opensc_and_the_settings_before_all(root: Root) -> None:
    root.put("usr/lib/x86_64-linux-gnu/opensc-pkcs11.so")
    root.put("usr/lib/libaetpkss.so")
    root.put("opt/maker/lib/maker.so")
    root.put(
        "usr/share/p11-kit/modules/maker.module", f"module: {root.root}/opt/maker/lib/maker.so"
    )
    mine = root.put("home/mine.so")
    settings = Pkcs11Module(path=str(mine), name="電子入札")
    assert root.names(modules=(settings,)) == ["電子入札", "SafeSign", "maker", "OpenSC"]
    assert root.names(modules=(settings,), discover=False) == ["電子入札"]


def test_p11_kit_files_are_read_as_p11_kit_reads_them(root: Root) -> None:
    root.put("usr/lib/x86_64-linux-gnu/pkcs11/bare.so")
    root.put("usr/lib/old.so")
    root.put("usr/lib/new.so")
    modules = "usr/share/p11-kit/modules"
    root.put(f"{modules}/bare.module", "# module: comment.so\nmodule: bare.so\npriority: 1\n")
    root.put(f"{modules}/over.module", f"module: {root.root}/usr/lib/old.so\n")
    root.put("etc/pkcs11/modules/over.module", f"module: {root.root}/usr/lib/new.so\n")
    root.put(f"{modules}/others.module", "module: bare.so\nenable-in: another-program\n")
    root.put(f"{modules}/absent.module", "module: absent.so\n")
    root.put(f"{modules}/empty.module", "")
    (root.root / modules / "binary.module").write_bytes(b"\xff\xfe")
    found = Modules(Pkcs11Settings(), root.root)()
    assert [(each.name, each.path.name) for each in found] == [
        ("over", "new.so"),
        ("bare", "bare.so"),
    ]


def test_modules_without_cards_are_left_alone(root: Root) -> None:
    root.put("usr/lib/softhsm/libsofthsm2.so")
    root.put("usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-trust.so")
    root.put("usr/share/p11-kit/modules/a.module", "module: p11-kit-trust.so")
    path = f"{root.root}/usr/lib/softhsm/libsofthsm2.so"
    root.put("usr/share/p11-kit/modules/b.module", f"module: {path}")
    assert root.names() == []


def test_a_file_that_others_may_change_is_not_loaded(root: Root, caplog) -> None:
    root.put("usr/lib/libaetpkss.so").chmod(0o666)
    assert root.names() == []
    assert "every user may write" in caplog.text


def test_a_module_that_is_installed_later_is_found_and_a_known_one_kept(root: Root) -> None:
    modules = Modules(Pkcs11Settings(), root.root)
    assert modules() == ()
    root.put("usr/lib/libaetpkss.so")
    (first,) = modules()
    root.put("usr/lib/x86_64-linux-gnu/opensc-pkcs11.so")
    again, opensc = modules()
    assert again is first
    assert opensc.name == "OpenSC"


def test_a_module_that_is_named_otherwise_in_new_settings_is_called_so(tmp_path: Path) -> None:
    file = tmp_path / "a.so"
    file.write_text("")
    modules = Modules(Pkcs11Settings(discover=False, modules=(Pkcs11Module(str(file), "A"),)))
    (first,) = modules()
    assert modules()[0] is first, "what it did wrong is remembered"
    renamed = Pkcs11Module(str(file), "B", any_slot=True)
    modules.settings = Pkcs11Settings(discover=False, modules=(renamed,))
    assert [(module.name, module.any_slot) for module in modules()] == [("B", True)]
