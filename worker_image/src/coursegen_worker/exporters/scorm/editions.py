"""The versions of SCORM: what differs between their packages."""

from dataclasses import dataclass
from importlib import resources

from coursegen_api.base import ScormVersion


@dataclass(frozen=True)
class Edition:
    """One version of SCORM."""

    version: ScormVersion
    name: str
    schema_version: str
    """Letter for letter: platforms tell the versions apart by it."""
    runtime: str
    """The run-time interface that the page's script speaks: 1.2 or 2004."""
    max_state: int
    """Characters of suspend_data that a platform must keep."""

    def facts(self) -> dict[str, str | int]:
        """Give what the page's script must know of it."""
        return {"runtime": self.runtime, "maxState": self.max_state}

    def schemas(self) -> dict[str, bytes]:
        """Give the schema files, which lie at the root of the zip."""
        folder = resources.files("coursegen_worker.exporters.scorm").joinpath("schema", self.version.value)
        return {file.name: file.read_bytes() for file in folder.iterdir()}


EDITIONS = {
    edition.version: edition
    for edition in (
        Edition(ScormVersion.V1_2, "SCORM 1.2", "1.2", "1.2", 4096),
        Edition(ScormVersion.V2004_3RD, "SCORM 2004 3rd Edition", "2004 3rd Edition", "2004", 4000),
        Edition(ScormVersion.V2004_4TH, "SCORM 2004 4th Edition", "2004 4th Edition", "2004", 64000),
    )
}
