"""The finishing chain: each step is one file; the union of them is the registry.

To add a step: write its file, then put `| Name` into `Step` (and make it
`Annotated[A | B, Field(discriminator="kind")]`); form, API, command line and PNG learn it at once.
"""

from __future__ import annotations

from studio.post.clahe import Clahe

Step = Clahe

__all__ = ["Clahe", "Step"]
