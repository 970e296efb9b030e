"""Authorities of one's own: they vouch for object stores and model servers by TLS, beside the system's.

OpenSSL, and so Python, and rustls, and so obstore, take the file that SSL_CERT_FILE names in place of the system's: it
is the one way that both know.
"""

import atexit
import os
import re
import tempfile
from functools import cache
from pathlib import Path

from .names import ENV_CA

_FILE = "SSL_CERT_FILE"
_SYSTEMS = os.environ.get(_FILE)
"""What a person has set there."""

_now = ""


def trust(own: str) -> None:
    """Have all connections that this process opens from now on trust the system's authorities and these.

    Arguments:
        own: certificates as PEM text; empty: the system's alone.

    Raises:
        ValueError: there is no certificate in it. The message goes on where the name of the setting ends.
    """
    global _now
    if own == _now:
        return
    if own:
        check(own)
        os.environ[_FILE] = _written(own)
    elif _SYSTEMS:
        os.environ[_FILE] = _SYSTEMS
    else:
        del os.environ[_FILE]
    _now = own


def distrust(error: BaseException) -> str:
    """Say so if obstore failed because a store's certificate is not trusted, which its own sentence leaves out."""
    found = re.search(r"InvalidCertificate\(\s*(\w+)", str(error))
    return f"its certificate is not trusted ({found[1]}): {ENV_CA} has to hold its authority" if found else ""


def check(own: str) -> None:
    """Raise ValueError, as `trust` does, for what is no certificate."""
    import ssl  # only where it is asked for: it costs 10 ms

    if "-----BEGIN CERTIFICATE-----" not in own:
        raise ValueError("holds no certificate: it has to be PEM text, not the name of a file")
    try:
        ssl.create_default_context(cadata=own)
    except ssl.SSLError as error:
        raise ValueError(f"holds a certificate that cannot be read: {error.reason or error}") from error


def _written(own: str) -> str:
    """Write a file with the system's certificates and these; it goes with the process."""
    with tempfile.NamedTemporaryFile("w", prefix="coursegen-", suffix=".pem", delete=False) as made:
        made.write(f"{_systems()}\n{own}\n")
    atexit.register(Path(made.name).unlink, missing_ok=True)
    return made.name


@cache
def _systems() -> str:
    """Give the system's certificates, as they were before anything was changed here."""
    import ssl

    found = ssl.get_default_verify_paths().cafile
    if found and Path(found).is_file():
        return Path(found).read_text()
    try:
        import certifi  # which a client's machine has, where the system keeps its own in no file (macOS)
    except ImportError:
        return ""
    return certifi.contents()
