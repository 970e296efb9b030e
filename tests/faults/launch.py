"""Runs the operator as it is, but for the way to the API server (plain, to the proxy) and one planted bug, if asked."""

import os
import sys

import kopf

from coursegen_operator import __main__ as operator
from coursegen_operator import access

from . import bugs


def _through_the_proxy() -> access.Access:
    return access.Access(kopf.ConnectionInfo(server=os.environ["FAULTS_SERVER"]))


if __name__ == "__main__":
    access.from_kubeconfig = _through_the_proxy
    if bug := os.environ["FAULTS_BUG"]:
        bugs.ALL[bug]()
    sys.exit(operator.main())
