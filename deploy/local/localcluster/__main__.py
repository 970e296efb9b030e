"""`python -m localcluster`."""

import sys

from localcluster import proxies
from localcluster.cli import main

proxies.stand_aside()
sys.exit(main(sys.argv[1:]))
