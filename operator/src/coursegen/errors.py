"""What can go wrong, in words for people; each kind of trouble has an exit code of its own."""

from typing import ClassVar


class CoursegenError(Exception):
    """Something could not be done: the message says what happened, `hint` what to do."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        if hint:
            self.add_note(hint)  # for a traceback, where nobody reads `hint`


class InputError(CoursegenError):
    """What was asked for cannot be meant."""

    exit_code = 2


class NotFoundError(CoursegenError):
    """There is no such object."""

    exit_code = 3


class RefusedError(CoursegenError):
    """The API server refused: not allowed, not valid, or changed by somebody else."""

    exit_code = 4

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.status = status
        """The HTTP status."""


class UnreachableError(CoursegenError):
    """No answer: whether a request took effect is not known; every call here may be made again."""

    exit_code = 5


_HINTS = {
    401: "The kubeconfig's credentials are not accepted: log in again.",
    403: "Ask for the role coursegen-author in this namespace, or see `kubectl coursegen doctor`.",
    409: "Somebody else has changed it meanwhile, or the name is taken: look at it, and try again.",
}


_AWAY = (502, 503, 504)
"""What a load balancer says for an API server that starts, and that one itself where it may have done something."""


def of_answer(status: int, message: str) -> CoursegenError:
    """Give the error of an API server's answer."""
    if status in _AWAY:
        hint = "It starts, or has too much to do: try again in a moment."
        return UnreachableError(f"The API server does not answer (HTTP {status}): {message}", hint)
    if status == 404:
        unknown = "could not find the requested resource" in message
        hint = "The CRDs are not there: kubectl apply -k crds" if unknown else ""
        return NotFoundError(message, hint)
    return RefusedError(status, message, _HINTS.get(status, ""))
