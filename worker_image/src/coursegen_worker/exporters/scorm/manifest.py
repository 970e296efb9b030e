"""The manifest of a SCORM package (IMS Content Packaging with ADL's names)."""

import hashlib
import re
from dataclasses import dataclass
from html import escape  # the five signs of XML as well; xml.sax.saxutils would import an HTTP client

from coursegen_worker.documents import Course
from coursegen_worker.exporters import html
from coursegen_worker.exporters.describe import shortened, without_marks
from coursegen_worker.exporters.scorm.editions import Edition

_TITLE_CHARS = 200
"""So much of a title a platform must keep."""

# The prefixes adlcp, adlseq, adlnav and imsss are not free to choose: Moodle looks for them by name.
_NAMESPACES = {
    "1.2": (
        ("xmlns", "http://www.imsproject.org/xsd/imscp_rootv1p1p2", "imscp_rootv1p1p2.xsd"),
        ("xmlns:adlcp", "http://www.adlnet.org/xsd/adlcp_rootv1p2", "adlcp_rootv1p2.xsd"),
    ),
    "2004": (
        ("xmlns", "http://www.imsglobal.org/xsd/imscp_v1p1", "imscp_v1p1.xsd"),
        ("xmlns:adlcp", "http://www.adlnet.org/xsd/adlcp_v1p3", "adlcp_v1p3.xsd"),
        ("xmlns:adlseq", "http://www.adlnet.org/xsd/adlseq_v1p3", "adlseq_v1p3.xsd"),
        ("xmlns:adlnav", "http://www.adlnet.org/xsd/adlnav_v1p3", "adlnav_v1p3.xsd"),
        ("xmlns:imsss", "http://www.imsglobal.org/xsd/imsss", "imsss_v1p0.xsd"),
    ),
}
_TYPE = {"1.2": "adlcp:scormtype", "2004": "adlcp:scormType"}
_MANIFEST = """\
<?xml version="1.0" encoding="UTF-8"?>
<manifest identifier={identifier} version="1.0"
{namespaces}
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="{locations}">
  <metadata>
    <schema>ADL SCORM</schema>
    <schemaversion>{schema_version}</schemaversion>
  </metadata>
  <organizations default="organization">
    <organization identifier="organization">
      <title>{title}</title>
{items}{control}
    </organization>
  </organizations>
  <resources>
{resources}
  </resources>
</manifest>
"""
# In a platform's menu each unit can be chosen, and leads to the next.
_CONTROL_2004 = """
      <imsss:sequencing>
        <imsss:controlMode choice="true" flow="true"/>
      </imsss:sequencing>"""
# Neither version names a mastery score: a platform that has one judges every score by it, also one of the first answer.
_SEQUENCING_2004 = """
        <imsss:sequencing>
          <imsss:deliveryControls completionSetByContent="true" objectiveSetByContent="true"/>
        </imsss:sequencing>"""


@dataclass(frozen=True)
class Unit:
    """A SCO: what a platform launches, and follows the learner through."""

    identifier: str
    title: str
    page: str


def render(course: Course, edition: Edition, units: list[Unit], shared: list[str]) -> str:
    """Write the manifest; the first resource is the first unit, and the files that all share come last."""
    names = _NAMESPACES[edition.runtime]
    return _MANIFEST.format(
        identifier=_attribute(identifier(course.course_id)),
        namespaces="\n".join(f'    {prefix}="{uri}"' for prefix, uri, _ in names),
        locations=" ".join(f"{uri} {file}" for _, uri, file in names),
        schema_version=edition.schema_version,
        title=_title(course.course.title),
        items="\n".join(_item(unit, edition) for unit in units),
        control=_CONTROL_2004 if edition.runtime == "2004" else "",
        resources="\n".join([*(_resource(unit, edition) for unit in units), _shared(shared, edition)]),
    )


def _item(unit: Unit, edition: Edition) -> str:
    extra = _SEQUENCING_2004 if edition.runtime == "2004" else ""
    return (
        f'      <item identifier="item-{unit.identifier}" identifierref="{unit.identifier}" isvisible="true">\n'
        f"        <title>{_title(unit.title)}</title>{extra}\n      </item>"
    )


def _resource(unit: Unit, edition: Edition) -> str:
    return (
        f'    <resource identifier="{unit.identifier}" type="webcontent" {_TYPE[edition.runtime]}="sco" '
        f'href="{unit.page}">\n      <file href="{unit.page}"/>\n      <dependency identifierref="shared"/>\n'
        "    </resource>"
    )


def _shared(files: list[str], edition: Edition) -> str:
    listed = "\n".join(f"      <file href={_attribute(name)}/>" for name in files)
    kind = _TYPE[edition.runtime]
    return f'    <resource identifier="shared" type="webcontent" {kind}="asset">\n{listed}\n    </resource>'


def _title(text: str) -> str:
    return escape(shortened(html.clean(without_marks(text)), _TITLE_CHARS)).strip() or "Untitled"


def _attribute(value: str) -> str:
    return f'"{escape(value)}"'


def identifier(course_id: str) -> str:
    """Give an XML name for the course: the same for each export of it, so that an LMS sees an update."""
    readable = re.sub(r"[^A-Za-z0-9._-]", "-", course_id)[:40]
    return f"course-{readable}-{hashlib.sha256(course_id.encode()).hexdigest()[:8]}"
