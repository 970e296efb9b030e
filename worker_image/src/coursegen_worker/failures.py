"""How a task fails: one exception that carries a failure class of the contract."""

from coursegen_api.base import FailureClass


class TaskFailedError(Exception):
    """Ends the task with a class from the contract and a message for the person who reads the status.

    The message says what happened and what to do, in one line, without secrets.
    """

    def __init__(self, failure: FailureClass, message: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = one_line(message)
        self.retry_after_seconds = retry_after_seconds


def invalid_input(message: str) -> TaskFailedError:
    """Make the failure for what no retry can mend: the task itself, or the content that it names."""
    return TaskFailedError(FailureClass.INVALID_INPUT, message)


def storage_unavailable(message: str) -> TaskFailedError:
    """Make the failure for an object store that does not answer or does not let us write."""
    return TaskFailedError(FailureClass.STORAGE_UNAVAILABLE, message)


def one_line(text: str, limit: int = 600) -> str:
    """Give the text on one line without control characters, cut to `limit` characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
