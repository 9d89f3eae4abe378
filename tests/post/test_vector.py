"""The SVG export."""

import re
import xml.etree.ElementTree as ET

from PIL import Image, ImageDraw

from studio.post.vector import LARGEST, Vector, svg


def sun() -> Image.Image:
    picture = Image.new("RGB", (120, 90), (240, 230, 210))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((70, 10, 100, 40), fill=(200, 30, 20))
    draw.polygon([(0, 90), (60, 40), (119, 90)], fill=(30, 80, 90))
    return picture


def colours(text: str) -> set[str]:
    return set(re.findall(r'fill="(#[0-9A-Fa-f]{6})"', text))


def test_a_picture_becomes_shapes_of_its_colours():
    text = svg(sun(), Vector(colours=3))
    root = ET.fromstring(text)
    assert {child.tag.rpartition("}")[2] for child in root} == {"path"}
    assert len(colours(text)) == 3
    assert (root.get("width"), root.get("height")) == ("120", "90")


def test_no_more_colours_than_asked_for_and_less_detail_means_fewer_shapes():
    noise = Image.effect_noise((96, 96), 80).convert("RGB")
    fine, coarse = svg(noise, Vector(colours=6, detail=10)), svg(noise, Vector(colours=6, detail=1))
    assert len(colours(fine)) <= 6
    assert coarse.count("<path") < fine.count("<path")


def test_what_is_transparent_stays_so_and_a_large_picture_is_traced_smaller():
    picture = Image.new("RGBA", (LARGEST + 400, 40), (0, 0, 0, 0))
    picture.paste((10, 20, 30, 255), (0, 0, 200, 40))
    text = svg(picture, Vector(colours=2))
    root = ET.fromstring(text)
    assert int(root.get("width", "0")) == LARGEST
    assert text.count("<path") == 1
