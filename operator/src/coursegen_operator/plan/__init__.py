"""The planner: pure functions from what exists and the time to what shall be done.

Nothing here does I/O, reads a clock or draws a random number; import-linter checks it. Whatever the
planner decides follows from its arguments, so that planning twice plans nothing new.
"""
