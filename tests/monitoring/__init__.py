"""Metrics, rules, alerts and dashboards, judged by a real Prometheus and its promtool."""
