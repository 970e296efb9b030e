"""Programs that tests run, by path; one that is missing is installed from Debian's packages."""

import shutil
import sys

from localcluster import debian
from localcluster.progress import Reporter


def redis_server() -> str:
    """Give Redis."""
    return _path("redis-server", "redis-server")


def chromium() -> str:
    """Give a real browser."""
    return _path("chromium", "chromium")


def npm() -> str:
    """Give the client of the registry that some test data comes from."""
    return _path("npm", "npm")


def _path(program: str, package: str) -> str:
    debian.ensure((debian.Needed(program, package),), Reporter(sys.stderr))
    found = shutil.which(program)
    assert found, f"{package} is installed, and {program} is still not found"
    return found
