"""`python -m coursegen_worker`: one task from COURSEGEN_TASK, one artifact, one result."""

import time

_STARTED = time.monotonic()

if __name__ == "__main__":
    import sys

    from coursegen_worker.process import main

    sys.exit(main(_STARTED))
