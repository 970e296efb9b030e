"""Monitoring as code: `python -m monitoring` writes what follows from the catalogue, the rules and the dashboards."""
