"""`doctor` on what is ours in the cluster: CRDs, queues, and providers with their Secrets."""

import base64
import binascii
import json
from collections.abc import Iterator, Sequence

from coursegen_api import names
from coursegen_api.provider import ModelProvider
from coursegen_api.queue import GenerationQueue

from .. import crds, fleet, kinds
from ..calls import Json
from ..client import Client
from ..errors import NotFoundError, RefusedError
from .check import Check, joined

_APPLY = "kubectl apply -k crds && kubectl wait --for=condition=Established crd -l app.kubernetes.io/part-of=coursegen"
_NAMED = 3
"""Fields of a CRD that are named; of more, the number is said."""


def served(client: Client) -> Check:
    """Look whether every kind is served at all."""
    try:
        missing = crds.missing(client.read(kinds.API))
    except NotFoundError:
        return Check("CRDs", "failed", f"{names.API_VERSION} is not served", _APPLY)
    if missing:
        return Check("CRDs", "failed", f"not served: {', '.join(missing)}", _APPLY)
    return Check("CRDs", "ok", f"{len(kinds.ALL)} kinds of {names.API_VERSION}")


def versions(client: Client) -> Check:
    """Look whether the CRDs that are served have the fields that this plugin knows, and no others."""
    found = crds.differences(client.run(crds.served()))
    older = [
        Check(
            "CRDs",
            "failed",
            f"{d.name} is older than this plugin: it lacks {_some(d.lacking)}",
            f"in a checkout of this plugin's version, {_APPLY}",
        )
        for d in found
        if d.lacking
    ]
    newer = [
        Check(
            "CRDs",
            "warning",
            f"{d.name} is newer than this plugin, which does not know {_some(d.beyond)}",
            "in a checkout of the cluster's version, pip install ./crds './operator[cli]'",
        )
        for d in found
        if d.beyond
    ]
    return joined("CRDs", f"{len(kinds.ALL)} kinds of {names.API_VERSION}, as this plugin knows them", older + newer)


def _some(fields: Sequence[str]) -> str:
    more = len(fields) - _NAMED
    return ", ".join(fields[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def queues(client: Client) -> Check:
    """Look whether the five queues are there and take work."""
    there = {q.metadata.name: q for q in client.list(GenerationQueue)}
    return joined("queues", f"{len(there)} take work", _of_queues(there))


def _of_queues(there: dict[str, GenerationQueue]) -> Iterator[Check]:
    if missing := sorted(set(names.QUEUE_PRIORITIES) - set(there)):
        yield Check("queues", "failed", f"missing: {', '.join(missing)}", "kubectl apply -f deploy/base/queues.yaml")
    if stopped := sorted(n for n, q in there.items() if not q.spec.capacity or q.spec.stop_policy.value != "None"):
        mend = 'kubectl patch genqueue NAME --type=merge -p \'{"spec":{"stopPolicy":"None"}}\', or raise its capacity'
        yield Check("queues", "warning", f"stopped: {', '.join(stopped)}", mend)
    if shut := sorted(n for n, q in there.items() if fleet.circuit_of(q) != "Closed"):
        mend = "What it runs fails: look at its tasks' errors."
        yield Check("queues", "warning", f"circuit open: {', '.join(shut)}", mend)


def providers(client: Client) -> Check:
    """Look whether the providers answer, and whether their keys may be sent to them."""
    there = client.list(ModelProvider)
    well = f"{len(there)} in {client.namespace}" if there else "none: the embedded composer writes"
    return joined("providers", well, _of_providers(client, there))


def _of_providers(client: Client, there: Sequence[ModelProvider]) -> Iterator[Check]:
    if shut := [p.metadata.name for p in there if fleet.circuit_of(p) != "Closed"]:
        mend = "It failed of late; it is probed by itself. See `kubectl describe modelprov NAME`."
        yield Check("providers", "warning", f"circuit open: {', '.join(shut)}", mend)
    for provider in there:
        secret = provider.spec.secret_name
        if not secret:
            continue
        try:
            found = client.read(f"/api/v1/namespaces/{client.namespace}/secrets/{secret}")
        except NotFoundError:
            yield Check(
                "providers", "failed", f"{provider.metadata.name}: there is no Secret {secret}", _create(provider)
            )
        except RefusedError as error:
            yield Check("providers", "unknown", f"{provider.metadata.name}: Secret {secret} may not be read: {error}")
        else:
            yield from _of_secret(provider, found)


def _of_secret(provider: ModelProvider, secret: Json) -> Iterator[Check]:
    """Judge the Secret of a provider; nothing of what it holds is said."""
    name, kind, data = provider.spec.secret_name, secret.get("type"), secret.get("data") or {}
    about = f"{provider.metadata.name}: Secret {name}"
    if not _decoded(data.get(names.SECRET_KEY, "")).strip():
        says = f"{about} has no `{names.SECRET_KEY}`: no worker starts"
        yield Check("providers", "failed", says, _patch(provider, names.SECRET_KEY, "…"))
    endpoint = provider.spec.endpoint or ""
    if names.SECRET_ENDPOINT not in data:
        says = f"{about} has no `{names.SECRET_ENDPOINT}`: no worker starts"
        yield Check("providers", "failed", says, _patch(provider, names.SECRET_ENDPOINT, endpoint))
    elif _decoded(data[names.SECRET_ENDPOINT]) != endpoint:
        says = f"{about} has another `{names.SECRET_ENDPOINT}` than {endpoint}: the key is not sent"
        yield Check("providers", "failed", says, _patch(provider, names.SECRET_ENDPOINT, endpoint))
    if kind != names.SECRET_TYPE_PROVIDER_KEY:
        says = f"{about} is of type {kind}, not {names.SECRET_TYPE_PROVIDER_KEY}"
        mend = f"a Secret's type stays: kubectl -n {provider.metadata.namespace} delete secret {name} && "
        yield Check("providers", "warning", says, mend + _create(provider))


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _create(provider: ModelProvider) -> str:
    return (
        f"kubectl -n {provider.metadata.namespace} create secret generic {provider.spec.secret_name} "
        f"--type={names.SECRET_TYPE_PROVIDER_KEY} --from-literal={names.SECRET_KEY}=… "
        f"--from-literal={names.SECRET_ENDPOINT}={provider.spec.endpoint or ''}"
    )


def _patch(provider: ModelProvider, key: str, value: str) -> str:
    change = json.dumps({"stringData": {key: value}}, ensure_ascii=False)
    return f"kubectl -n {provider.metadata.namespace} patch secret {provider.spec.secret_name} -p '{change}'"
