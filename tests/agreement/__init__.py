"""The same figures, read wherever people read them: do objects, plugin, HTTP API, page, Prometheus and Grafana agree?

A test of tests/monitoring holds it on a control plane; `make agreement` does on the demo, and writes docs/agreement.md.
"""
