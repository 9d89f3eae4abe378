"""Drawings as values and as files."""

import io

import pytest
from PIL import Image

from studio import images
from studio.drawing import Drawing, pack, unpack
from studio.errors import BadInput

STROKE = {
    "mark": "brush", "erase": False, "color": "#1d1b18", "size": 8, "softness": 0, "opacity": 1,
    "points": [1.5, 2, 0.5, 3, 4, 1],
}  # fmt: skip


def drawing(picture: str = "", **stroke: object) -> dict[str, object]:
    placed = {"image": picture, "x": 0, "y": 0, "width": 64, "height": 64} if picture else None
    layer = {
        "id": "lines", "kind": "lines", "name": "", "opacity": 1, "hidden": False, "locked": False,
        "picture": placed, "strokes": [{**STROKE, **stroke}],
    }  # fmt: skip
    return {"version": 1, "width": 256, "height": 256, "layers": [layer]}


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, "PNG")
    return out.getvalue()


def test_a_drawing_travels_with_its_pictures():
    one = Drawing.of(drawing(images.digest(png())))
    assert unpack(pack(one, {images.digest(png()): png()})) == (one, {images.digest(png()): png()})


@pytest.mark.parametrize(
    "wrong",
    [{"points": [1, 2]}, {"points": [1, 2, float("nan")]}, {"color": "red"}, {"size": 0}, {"more": 1}],
)
def test_what_is_no_stroke_is_refused(wrong: dict[str, object]):
    with pytest.raises(BadInput):
        Drawing.of(drawing(**wrong))


def test_a_damaged_file_is_refused():
    whole = pack(Drawing.of(drawing(images.digest(png()))), {images.digest(png()): png()})
    for broken in (b"", whole[:-1], whole[:40], b"x" + whole, whole[:-3] + b"abc"):
        with pytest.raises(BadInput):
            unpack(broken)
