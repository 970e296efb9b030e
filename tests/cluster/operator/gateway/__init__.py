"""The gateway, as a process, on the real API server of the operator tests, with a real Redis and a real S3 server."""
