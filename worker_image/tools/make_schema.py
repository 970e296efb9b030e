"""Write the JSON Schema of the JSON export.

Run it after a change of the export's model; a test fails while the schema is stale.
"""

import json
from pathlib import Path

from coursegen_worker.exporters import json_export

TARGET = Path(__file__).parents[1] / "src/coursegen_worker/exporters/schema/course.schema.json"


def text() -> str:
    """Give the schema's file."""
    return json.dumps(json_export.schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
