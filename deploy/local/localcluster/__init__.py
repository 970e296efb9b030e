"""A real Kubernetes on one machine without Docker, for the demo, the tests and the benchmarks.

from localcluster import Cluster, Options

cluster = Cluster.named("tests")
access = cluster.up(Options(control_plane_only=True))  # access.kubeconfig, access.server, access.kubectl
cluster.down()
"""

from localcluster.cluster import Access, Cluster
from localcluster.errors import LocalClusterError
from localcluster.images import Build, Image
from localcluster.progress import Reporter
from localcluster.settings import Options
from localcluster.status import Status

__all__ = ["Access", "Build", "Cluster", "Image", "LocalClusterError", "Options", "Reporter", "Status"]
