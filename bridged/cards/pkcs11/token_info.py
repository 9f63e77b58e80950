"""The one thing of CK_TOKEN_INFO that `pkcs11` keeps to itself: how long a PIN is.

Asked through the module's own function list (PKCS#11 2.40, sections 3.2 and 5.4).
"""

from __future__ import annotations

import ctypes
import sys

_GET_TOKEN_INFO = 6
"""The place of C_GetTokenInfo in CK_FUNCTION_LIST, after the version."""

_CALL = ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_ulong, ctypes.c_void_p)


class _FunctionList(ctypes.Structure):
    if sys.platform == "win32":
        _pack_ = 1
    _fields_ = (
        ("version", ctypes.c_ubyte * 2),
        ("functions", ctypes.c_void_p * (_GET_TOKEN_INFO + 1)),
    )


class _TokenInfo(ctypes.Structure):
    if sys.platform == "win32":
        _pack_ = 1
    _fields_ = (
        ("names", ctypes.c_char * (32 + 32 + 16 + 16)),
        ("flags", ctypes.c_ulong),
        ("sessions", ctypes.c_ulong * 4),
        ("max_pin", ctypes.c_ulong),
        ("min_pin", ctypes.c_ulong),
        ("memory", ctypes.c_ulong * 4),
        ("versions", ctypes.c_ubyte * 4),
        ("time", ctypes.c_char * 16),
    )


def pin_lengths(library: ctypes.CDLL, slot: int) -> tuple[int, int]:
    """Return the shortest and the longest PIN of a token (bytes), (0, 0) where it does not say."""
    functions, info = ctypes.POINTER(_FunctionList)(), _TokenInfo()
    if library.C_GetFunctionList(ctypes.byref(functions)) != 0:
        return 0, 0
    get_token_info = _CALL(functions.contents.functions[_GET_TOKEN_INFO])
    if get_token_info(slot, ctypes.byref(info)) != 0:
        return 0, 0
    return info.min_pin, info.max_pin
