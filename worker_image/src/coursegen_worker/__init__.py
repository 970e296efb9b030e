"""The worker: one process, one task in, one artifact and one result out."""

__version__ = "0.1.0"
