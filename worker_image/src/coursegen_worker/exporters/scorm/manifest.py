"""The manifest of a SCORM 1.2 package (IMS Content Packaging 1.1.2 with ADL's names)."""

import hashlib
import re
from html import escape  # the five signs of XML as well; xml.sax.saxutils would import an HTTP client

from coursegen_worker.documents import Course

MASTERY_SCORE = 70
"""Percent of right answers from which the course is passed."""
_BAD_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_MANIFEST = """\
<?xml version="1.0" encoding="UTF-8"?>
<manifest identifier={identifier} version="1.0"
    xmlns="http://www.imsproject.org/xsd/imscp_rootv1p1p2"
    xmlns:adlcp="http://www.adlnet.org/xsd/adlcp_rootv1p2"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="http://www.imsproject.org/xsd/imscp_rootv1p1p2 imscp_rootv1p1p2.xsd \
http://www.adlnet.org/xsd/adlcp_rootv1p2 adlcp_rootv1p2.xsd">
  <metadata>
    <schema>ADL SCORM</schema>
    <schemaversion>1.2</schemaversion>
  </metadata>
  <organizations default="organization">
    <organization identifier="organization">
      <title>{title}</title>
      <item identifier="item" identifierref="sco" isvisible="true">
        <title>{title}</title>{mastery}
      </item>
    </organization>
  </organizations>
  <resources>
    <resource identifier="sco" type="webcontent" adlcp:scormtype="sco" href="index.html">
{files}
    </resource>
  </resources>
</manifest>
"""


def render(course: Course, files: list[str], assessed: bool) -> str:
    """Write the manifest; every file of the package is listed, and the SCO is the first resource."""
    mastery = f"\n        <adlcp:masteryscore>{MASTERY_SCORE}</adlcp:masteryscore>" if assessed else ""
    return _MANIFEST.format(
        identifier=_attribute(identifier(course.course_id)),
        title=escape(xml_text(course.course.title)),
        mastery=mastery,
        files="\n".join(f"      <file href={_attribute(name)}/>" for name in files),
    )


def _attribute(value: str) -> str:
    return f'"{escape(value)}"'


def identifier(course_id: str) -> str:
    """Give an XML name for the course: the same for each export of it, so that an LMS sees an update."""
    readable = re.sub(r"[^A-Za-z0-9._-]", "-", course_id)[:40]
    return f"course-{readable}-{hashlib.sha256(course_id.encode()).hexdigest()[:8]}"


def xml_text(text: str) -> str:
    """Leave out what no XML document may contain, even escaped."""
    return _BAD_XML.sub("", text)
