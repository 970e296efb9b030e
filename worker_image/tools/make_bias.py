"""Convert the patterns of the npm package retext-equality into the worker's data file.

Run `npm pack retext-equality@7.1.0`, unpack it, then `python worker_image/tools/make_bias.py package`. The patterns are
taken as they are; tiers, and what is left out, are ours and stand in quality/data/bias.toml.
"""

import json
import sys
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "src/coursegen_worker/quality/data"


def converted(package: Path) -> dict[str, Any]:
    """Give the data file's content from an unpacked package."""
    about = json.loads((package / "package.json").read_text("utf-8"))
    source = (package / "lib/patterns-en.js").read_text("utf-8")
    patterns = json.loads(source[source.index("[\n") : source.rindex("]") + 1])
    return {
        "source": f"https://www.npmjs.com/package/{about['name']}",
        "version": about["version"],
        "license": f"{about['license']}: see LICENSE-retext-equality",
        "patterns": [
            {
                "id": p["id"],
                "type": p["type"],
                "phrases": p["inconsiderate"],
                "instead": list(p.get("considerate", {})),
            }
            for p in patterns
        ],
    }


if __name__ == "__main__":
    unpacked = Path(sys.argv[1])
    text = json.dumps(converted(unpacked), ensure_ascii=False, indent=1, sort_keys=True)
    (DATA / "retext-equality.json").write_text(text + "\n", encoding="utf-8")
    (DATA / "LICENSE-retext-equality").write_text((unpacked / "license").read_text("utf-8"), encoding="utf-8")
