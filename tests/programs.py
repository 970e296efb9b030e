"""Programs that tests run, by path; one that is missing is installed from Debian's packages."""

import shutil
import sys

from localcluster import debian, golang
from localcluster.progress import Reporter


def redis_server() -> str:
    """Give Redis."""
    return _path("redis-server", "redis-server")


def registry() -> str:
    """Give a registry of images."""
    return _path("docker-registry", "docker-registry")


def versitygw() -> str:
    """Give the S3 server of the local cluster, built where it is not there."""
    return str(golang.ensure(golang.VERSITYGW, Reporter(sys.stderr)) / "versitygw")


def s3_environment(port: int, access: str, secret: str) -> dict[str, str]:
    """Give what reaches that server on a port of loopback, as the environment variables of a worker."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": access,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }


def chromium() -> str:
    """Give a real browser."""
    return _path("chromium", "chromium")


def pngquant() -> str:
    """Give what makes a picture small."""
    return _path("pngquant", "pngquant")


def npm() -> str:
    """Give the client of the registry that some test data comes from."""
    return _path("npm", "npm")


def node() -> str:
    """Give what runs those that are written in JavaScript."""
    return _path("node", "nodejs")


def jq() -> str:
    """Give what the docs filter a backup with."""
    return _path("jq", "jq")


def zsh() -> str:
    """Give a shell that completion is there for."""
    return _path("zsh", "zsh")


def fish() -> str:
    """Give another."""
    return _path("fish", "fish")


def curl() -> str:
    """Give what the docs ask the gateway with."""
    return _path("curl", "curl")


def java() -> str:
    """Give what runs the judges of PDF and EPUB."""
    return _path("java", "default-jre-headless")


def maven() -> str:
    """Give the client of the registry that those judges come from."""
    return _path("mvn", "maven")


def _path(program: str, package: str) -> str:
    debian.ensure((debian.Needed(program, package),), Reporter(sys.stderr))
    found = shutil.which(program)
    assert found, f"{package} is installed, and {program} is still not found"
    return found
