"""
The part of SQLite's interface to the operating system that `tests.crash.disk` intercepts.

Layout and meaning: sqlite.org/c3ref/vfs.html, sqlite.org/c3ref/io_methods.html.
"""

import ctypes
from typing import Any, Final

POINTER: Final = ctypes.c_void_p
# Paths stay pointers: SQLite reads beyond their end, and keeps them.
OPEN: Final = ctypes.CFUNCTYPE(ctypes.c_int, POINTER, POINTER, POINTER, ctypes.c_int, POINTER)
DELETE: Final = ctypes.CFUNCTYPE(ctypes.c_int, POINTER, ctypes.c_char_p, ctypes.c_int)
WRITE: Final = ctypes.CFUNCTYPE(ctypes.c_int, POINTER, POINTER, ctypes.c_int, ctypes.c_int64)
TRUNCATE: Final = ctypes.CFUNCTYPE(ctypes.c_int, POINTER, ctypes.c_int64)
SYNC: Final = ctypes.CFUNCTYPE(ctypes.c_int, POINTER, ctypes.c_int)


class IoMethods(ctypes.Structure):
    """
    `sqlite3_io_methods`, version 3.
    """

    _fields_ = (
        ("version", ctypes.c_int),
        ("close", POINTER),
        ("read", POINTER),
        ("write", WRITE),
        ("truncate", TRUNCATE),
        ("sync", SYNC),
        *((f"other_{number}", POINTER) for number in range(13)),
    )


class File(ctypes.Structure):
    """
    `sqlite3_file`: the beginning of every open file.
    """

    _fields_ = (("methods", ctypes.POINTER(IoMethods)),)


class Vfs(ctypes.Structure):
    """
    `sqlite3_vfs`, version 3.
    """

    _fields_ = (
        ("version", ctypes.c_int),
        ("file_bytes", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("following", POINTER),
        ("name", ctypes.c_char_p),
        ("data", POINTER),
        ("open", OPEN),
        ("delete", DELETE),
        *((f"other_{number}", POINTER) for number in range(14)),
    )


def library() -> Any:  # noqa: ANN401 (functions of a C library have no types)
    """
    Return the library that the module `sqlite3` itself uses.
    """
    import _sqlite3  # noqa: PLC0415 (private to the standard library, and the only way to it)

    found = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    found.sqlite3_vfs_find.restype = ctypes.POINTER(Vfs)
    found.sqlite3_vfs_find.argtypes = [ctypes.c_char_p]
    found.sqlite3_vfs_register.argtypes = [ctypes.POINTER(Vfs), ctypes.c_int]
    return found
