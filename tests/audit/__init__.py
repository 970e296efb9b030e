"""What `make audit`, `make sbom` and `make docs` say, held to by the tests: with the tools themselves."""
