"""The same figures, read wherever people read them: do objects, plugin, HTTP API, page, Prometheus and Grafana agree?

tests/monitoring/test_live.py holds them to it. Grafana itself is in no registry that the tests may install from:
Prometheus is asked all queries of its panels, as Grafana asks them for a view of the last hour with one point.
"""
