"""A real Kubernetes on one machine without Docker, for the demo, the tests and the benchmarks.

    from localcluster import Cluster, Options

    cluster = Cluster.named("tests")
    access = cluster.up(Options(control_plane_only=True))  # access.kubeconfig, access.server, access.kubectl
    cluster.down()
"""

from localcluster.cluster import Access, Cluster
from localcluster.errors import LocalClusterError
from localcluster.progress import Reporter
from localcluster.settings import Options

__all__ = ["Access", "Cluster", "LocalClusterError", "Options", "Reporter"]
