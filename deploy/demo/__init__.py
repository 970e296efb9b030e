"""The whole system on this machine: brought up, shown at work, taken down. `make demo` and `make down` run it."""
