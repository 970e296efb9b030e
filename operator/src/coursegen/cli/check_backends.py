"""`doctor` on what workers lean on: the object store, and Redis."""

import base64
from urllib.parse import urlsplit

from coursegen_api import names

from .. import fleet, store
from ..errors import CoursegenError, NotFoundError, RefusedError
from .app import Scope
from .check import Check

_REDIS_KEY, _REDIS_CA = "url", "ca.crt"
"""Of the Secret coursegen-redis, as worker Pods take them."""


def object_store(scope: Scope) -> Check:
    """Look into the store with the credentials that workers have, through a tunnel where it is in the cluster."""
    client, secret = scope.client, names.SECRET_STORE
    try:
        known = store.credentials(client, client.namespace, None)
        prefix = client.read(f"/api/v1/namespaces/{client.namespace}")["metadata"]["uid"]
        with store.opened(known, scope.kubectl()) as opened:
            trouble = store.answers(opened, prefix)
    except NotFoundError:
        mend = f"Create the Secret {secret} with {names.ENV_STORE_URL} and AWS_*: every worker needs it."
        return Check("store", "failed", f"{client.namespace} has no Secret {secret}: no Pod starts", mend)
    except store.SettingsError as error:
        return Check("store", "failed", str(error), f"Correct the Secret {secret}: no worker can use it as it is.")
    except RefusedError:
        raise
    except CoursegenError as error:
        return Check("store", "unknown", str(error))
    if trouble:
        mend = f"Look at the Secret {secret} (URL, AWS_*) and at whether the store runs."
        return Check("store", "failed", f"does not answer: {trouble}", mend)
    return Check("store", "ok", "answers, with the credentials that workers have")


def redis(scope: Scope) -> Check:
    """Ask the Redis of --redis-url, else the one that workers are told of."""
    part = fleet.redis(scope.redis_url) if scope.redis_url else _workers_redis(scope)
    state = {"ok": "ok", "degraded": "warning"}.get(part.state, "unknown")
    mend = (
        "Nothing is lost. Look at the Pod of Redis, and at the URL's user and password." if state == "warning" else ""
    )
    return Check("redis", state, part.says, mend)


def _workers_redis(scope: Scope) -> fleet.Part:
    client = scope.client
    try:
        secret = client.read(f"/api/v1/namespaces/{client.namespace}/secrets/{names.SECRET_REDIS}")
    except NotFoundError:
        return fleet.Part("redis", "unknown", f"no Secret {names.SECRET_REDIS}: percentages move with the Jobs alone")
    try:
        data = {k: base64.b64decode(v).decode() for k, v in (secret.get("data") or {}).items()}
        url = urlsplit(data.get(_REDIS_KEY, ""))
        wanted = url.port or 6379
    except ValueError:
        said = f"{names.SECRET_REDIS} has no URL under `{_REDIS_KEY}`: is its password percent-encoded?"
        return fleet.Part("redis", "degraded", said)
    try:
        with store.tunnel(url.hostname or "", wanted, scope.kubectl()) as (host, port):
            login, at, _ = url.netloc.rpartition("@")
            reached = url._replace(netloc=f"{login}{at}{host}:{port}").geturl()
            return fleet.redis(reached, data.get(_REDIS_CA, ""), forwarded=host != url.hostname)
    except CoursegenError as error:
        return fleet.Part("redis", "unknown", str(error))
