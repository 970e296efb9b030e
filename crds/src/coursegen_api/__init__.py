"""The coursegen.dev contract: the custom resources, and what operator and worker say to each other."""
