"""Runs the operator as it is, but for the way to the API server (plain, to the proxy) and one planted bug, if asked."""

import os
import sys

from coursegen_operator import __main__ as operator
from coursegen_operator import kube

from . import bugs


async def _through_the_proxy() -> kube.Access:
    return kube.Access(os.environ["FAULTS_SERVER"])


if __name__ == "__main__":
    kube.from_kubeconfig = _through_the_proxy
    if bug := os.environ["FAULTS_BUG"]:
        bugs.ALL[bug]()
    sys.exit(operator.main())
