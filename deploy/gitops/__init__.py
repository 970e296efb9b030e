"""GitOps: what Argo CD and Flux need to know of our kinds."""
