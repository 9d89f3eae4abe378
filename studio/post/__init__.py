"""The finishing chain: each step is one file; the union of them is the registry.

To add a step: write its file, then put `| Name` into `Step`; form, API, command line and PNG learn it at
once.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from studio.post.clahe import Clahe
from studio.post.faces import Faces
from studio.post.grain import Grain
from studio.post.match import Match
from studio.post.sharpen import Sharpen
from studio.post.tone import Tone
from studio.post.tools import Finish, Tools
from studio.post.upscale import Upscale

Step = Annotated[Upscale | Faces | Match | Clahe | Tone | Sharpen | Grain, Field(discriminator="kind")]

__all__ = ["Clahe", "Faces", "Finish", "Grain", "Match", "Sharpen", "Step", "Tone", "Tools", "Upscale"]
