"""Texts whose alignment people would judge alike, and what the methods make of them: `make calibration`."""
