"""Merge patches (RFC 7396): what turns one status into another."""

from typing import Any

from coursegen_api.kinds import ObjectMeta

Json = dict[str, Any]


def difference(old: Json, new: Json) -> Json:
    """Give what has to be merged into `old` to get `new`: lists whole, and null for what goes."""
    patch: Json = {k: None for k in old if k not in new}
    for key, value in new.items():
        before = old.get(key)
        if before == value:
            continue
        patch[key] = difference(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return patch


def merged(old: Json, patch: Json) -> Json:
    """Apply a merge patch (RFC 7396)."""
    out = dict(old)
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict):
            out[key] = merged(out[key] if isinstance(out.get(key), dict) else {}, value)
        else:
            out[key] = value
    return out


def guarded(meta: ObjectMeta, patch: Json) -> Json:
    """Give the body that writes a patch of a status, refused as a conflict if the object is not as it was read."""
    return {"metadata": {"resourceVersion": meta.resource_version, "uid": meta.uid}, "status": patch}
