"""Monitoring as code: `python -m monitoring` writes what is generated from the metrics' catalogue, rules and dashboards."""
