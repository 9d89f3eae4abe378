"""What every picture says of its origin, and what it must not say.

Marks: the IPTC digital source type (EU AI Act, article 50(2)) in XMP, and the implicit label of
China's GB 45438-2025 under the key AIGC. They say "made with a model", nothing about who or where.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from studio import __version__

MAKER = f"Inkstone {__version__}"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
# All that a file tells of its making; anything else in the facts stays in the studio.
FACTS = (
    "seconds",
    "model",
    "loras",
    "versions",
    "device",
    "dtype",
    "when",
    "template",
    "parent",
    "history",
    "scroll",
    "unknown_words",
    "warnings",
)
AS_WRITTEN = ("template", "history")  # a painter's own words and recipes, which may hold strokes and slashes
# An absolute path: a drive, a share, a home or a root, and at least one folder under it.
_PATH = re.compile(r"(?<![\w./\\:])(?:[A-Za-z]:[\\/]|\\\\|~?[\\/])(?:[^\s\\/\"'“”‘’<>|*?]+[\\/])+")


def aigc() -> str:
    """The label's JSON: made by a model, by this program, under a random number of its own."""
    label = {
        "Label": "1",
        "ContentProducer": MAKER,
        "ProduceID": secrets.token_hex(16),
        "ReservedCode1": "",
        "ContentPropagator": "",
        "PropagateID": "",
        "ReservedCode2": "",
    }
    return json.dumps(label)


def xmp(label: str, composite: bool) -> bytes:
    """An XMP packet with both marks; `composite`: parts of the picture come from another picture."""
    kind = "compositeWithTrainedAlgorithmicMedia" if composite else "trainedAlgorithmicMedia"
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/">
   <xmp:CreatorTool>{MAKER}</xmp:CreatorTool>
   <Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}{kind}</Iptc4xmpExt:DigitalSourceType>
   <TC260:AIGC>{escape(label)}</TC260:AIGC>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>""".encode()


def public(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that may leave the studio, paths in their sentences cut down to the last name."""
    return {
        name: facts[name] if name in AS_WRITTEN else _pathless(facts[name]) for name in FACTS if name in facts
    }


def _pathless(value: Any) -> Any:
    if isinstance(value, str):
        home = os.path.expanduser("~")  # replaced by name, because it may hold spaces
        return _PATH.sub("", value.replace(home, "~") if len(home) > 3 else value)
    if isinstance(value, Mapping):
        return {str(key): _pathless(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_pathless(inner) for inner in value]
    return value
