"""`kubectl coursegen`: what a person types, and what is shown. Nothing heavy is imported before it is needed."""

import io
import sys


def main() -> None:
    """Run the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a title need not fit into a terminal's encoding
    try:
        from .commands import app
    except ModuleNotFoundError as error:
        sys.exit(f"kubectl coursegen needs the package {error.name}: pip install 'coursegen-operator[cli]'")
    app()


def complete() -> None:
    """Answer kubectl, which calls `kubectl_complete-coursegen WORD…` as one presses Tab."""
    from .completion import answer

    sys.exit(answer(sys.argv[1:]))
