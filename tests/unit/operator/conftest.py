"""How hard hypothesis looks: a fixed small search in `make test`, a random large one in `make fuzz`."""

import os

from hypothesis import settings

settings.register_profile("quick", max_examples=40, stateful_step_count=30)
settings.register_profile(
    "thorough", settings.get_profile("default"), max_examples=1000, stateful_step_count=60, deadline=None
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
