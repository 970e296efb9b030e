"""The docs become a site, and no link in them is dead."""

import os
import subprocess
from pathlib import Path

from checks.bom import ROOT


def test_the_docs_become_a_site_without_a_warning(tmp_path: Path) -> None:
    argv = ["uv", "run", "--locked", "--only-group", "docs", "--isolated", "mkdocs", "build", "--strict"]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    argv += ["--site-dir", str(tmp_path / "site")]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "index.html").exists()
