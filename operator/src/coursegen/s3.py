"""What obstore is told of an S3 store that AWS_* variables name: by client and gateway, as workers read them."""

from collections.abc import Mapping

_ALLOW_HTTP = "AWS_ALLOW_HTTP"


def config(known: Mapping[str, str]) -> dict[str, str]:
    """Give the settings; what is for other programs, such as AWS_PROFILE, workers pass over and obstore refuses."""
    given = {k.lower(): v for k, v in known.items() if k.startswith("AWS_") and k != _ALLOW_HTTP}
    return {key: value for key, value in given.items() if _is_known(key, value)}


def allows_http(known: Mapping[str, str]) -> bool:
    """Tell whether the store may be asked without TLS."""
    return known.get(_ALLOW_HTTP, "").lower() in ("1", "true")


def _is_known(key: str, value: str) -> bool:
    from obstore.exceptions import BaseError, UnknownConfigurationKeyError
    from obstore.store import S3Store

    try:
        S3Store("any", config={key: value})  # type: ignore[arg-type]
    except UnknownConfigurationKeyError:
        return False
    except BaseError:  # nothing by itself
        return True
    return True
