"""Zip files that are the same, byte for byte, for the same content."""

import zipfile
from collections.abc import Mapping
from io import BytesIO

_DATE = (2000, 1, 1, 0, 0, 0)
"""No clock goes into a file."""
_MODE = 0o644 << 16
_UNIX = 3


def pack(files: Mapping[str, bytes], first: str, *, stored: bool = False) -> bytes:
    """Zip files in the order of their names, the one named first before them.

    Args:
        stored: the first is not compressed, so that a reader finds it by its place in the zip (EPUB).
    """
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files, key=lambda n: (n != first, n)):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_STORED if stored and name == first else zipfile.ZIP_DEFLATED
            entry.create_system = _UNIX
            entry.external_attr = _MODE
            archive.writestr(entry, files[name], compresslevel=9)
    return buffer.getvalue()
