"""Figures for docs/performance.md: what the operator costs, beside what the same requests cost without it."""
