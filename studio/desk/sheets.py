"""The sheets on a painter's canvases, and the drawings that her pictures were made from."""

from __future__ import annotations

from typing import Any

from studio.desk.inputs import Inputs
from studio.desk.jobs import Jobs
from studio.drawing import Drawing, pack, unpack
from studio.errors import LimitReached, NotFound

MOST_SHEETS = 8


class Sheets:
    """Drafts lie in the database under their canvas, finished drawings among the inputs by their digest."""

    def __init__(self, inputs: Inputs, jobs: Jobs) -> None:
        self._inputs, self._jobs = inputs, jobs

    def draft(self, painter: str, tab: str) -> dict[str, Any] | None:
        """The drawing as she left it on this canvas, as plain values; None when there is none."""
        kept = self._jobs.draft(painter, f"sheet:{tab}")
        return dict(kept) if kept else None

    def keep_draft(self, painter: str, tab: str, values: object) -> None:
        """Keep the drawing on this canvas. Raises `BadInput`, `NotFound`, `LimitReached`."""
        drawing = self._hers(painter, values)
        if self._jobs.draft(painter, f"sheet:{tab}") is None:
            sheets = [name for name in self._jobs.drafts(painter) if name.startswith("sheet:")]
            if len(sheets) >= MOST_SHEETS:
                raise LimitReached(f"At most {MOST_SHEETS} canvases are kept.")
        self._jobs.keep_draft(painter, f"sheet:{tab}", drawing.model_dump(mode="json"))

    def keep(self, painter: str, values: object) -> str:
        """Store a drawing with its pictures; returns the digest for a recipe. Raises as `keep_draft`."""
        drawing = self._hers(painter, values)
        pictures = {digest: self._inputs.read(painter, digest) for digest in drawing.images}
        return self._inputs.put(painter, pack(drawing, pictures))

    def open(self, painter: str, digest: str) -> Drawing:
        """A stored drawing, its pictures among her inputs. Raises `NotFound`, `BadInput`."""
        drawing, pictures = unpack(self._inputs.read(painter, digest))
        for data in pictures.values():
            self._inputs.put(painter, data)
        return drawing

    def _hers(self, painter: str, values: object) -> Drawing:
        drawing = Drawing.of(values)
        if not all(self._inputs.has(painter, digest) for digest in drawing.images):
            raise NotFound("A picture on this drawing is no longer here; please put it there again.")
        return drawing


def on_sheets(jobs: Jobs) -> set[tuple[str, str]]:
    """The pictures that lie on anybody's canvas, with their painters: they are not to be swept away."""
    return {
        (painter, str(layer["picture"]["image"]))
        for painter, sheet in jobs.drafts_of_all("sheet:")
        for layer in sheet["layers"]
        if layer["picture"]
    }
