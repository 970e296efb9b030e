"""Simulations of who runs when, over random loads: no cluster, no operator, only the pure decision."""
