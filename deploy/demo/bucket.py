"""Sets the policy of the bucket at the S3 server: which account reaches what, as `overlay.policy` has it.

By one request of S3's own API, signed as AWS has it (Signature Version 4): obstore reads and writes objects alone.
"""

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from localcluster.errors import LocalClusterError

from . import overlay
from .kubectl import Kubectl

_REGION = "us-east-1"
_PATIENCE_SECONDS = 10
_TRIES = 5


@dataclass(frozen=True)
class Server:
    """An S3 server, as its root account sees it."""

    address: str
    """Host and port; plain HTTP."""
    access: str
    secret: str

    def put_policy(self, bucket: str, policy: Mapping[str, object]) -> None:
        """Set a bucket's policy; OSError if the server does not take it."""
        body = json.dumps(policy).encode()
        request = urllib.request.Request(
            f"http://{self.address}/{bucket}?policy", body, self._signed(bucket, body), method="PUT"
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(request, timeout=_PATIENCE_SECONDS).close()

    def _signed(self, bucket: str, body: bytes) -> dict[str, str]:
        now, digest = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"), hashlib.sha256(body).hexdigest()
        headers = {"host": self.address, "x-amz-content-sha256": digest, "x-amz-date": now}
        listed, lines = ";".join(headers), "".join(f"{k}:{v}\n" for k, v in headers.items())
        asked = "\n".join(["PUT", f"/{bucket}", "policy=", lines, listed, digest])
        scope = [now[:8], _REGION, "s3", "aws4_request"]
        text = "\n".join(["AWS4-HMAC-SHA256", now, "/".join(scope), hashlib.sha256(asked.encode()).hexdigest()])
        key = b"AWS4" + self.secret.encode()
        for part in scope:
            key = hmac.new(key, part.encode(), "sha256").digest()
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        credential = f"{self.access}/{'/'.join(scope)}"
        told = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={listed}, Signature={signature}"
        return headers | {"Authorization": told}


def protect(kubectl: Kubectl, generated: Path, uids: Mapping[str, str]) -> None:
    """Have the S3 server of the cluster let each tenant reach its own namespace's files, and nobody else's.

    Raises LocalClusterError if it cannot be told so.
    """
    root = overlay.read_env(generated / "s3-root.env")
    forward = ("port-forward", "--namespace", overlay.SYSTEM, "service/s3", ":7070")
    with kubectl.background(*forward, says=r"127\.0\.0\.1:\d+") as found:
        server = Server(found[0], root["ROOT_ACCESS_KEY"], root["ROOT_SECRET_KEY"])
        for left in reversed(range(_TRIES)):
            try:
                server.put_policy(overlay.BUCKET, overlay.policy(uids))
                break
            except urllib.error.HTTPError as error:
                raise LocalClusterError(
                    f"The S3 server refuses the bucket's policy: {error.read().decode()}"
                ) from error
            except OSError as error:  # a Service's only Pod has just been replaced
                if not left:
                    raise LocalClusterError(f"The S3 server does not answer: {error}") from error
            time.sleep(1)
