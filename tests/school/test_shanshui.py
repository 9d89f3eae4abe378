from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from studio.school.audit import IDS
from studio.school.scene import ATTRIBUTES, Scene, sample_scene
from studio.school.shanshui import Painting, flipped, paint_landscape, paint_scene

LAKE = Scene(
    style="ink",
    season="summer",
    hour="day",
    weather="clear",
    mist="thin",
    water="lake",
    boats="3",
    bridge="none",
    tree="pine",
    grove="single",
    building="pavilion",
    birds="flock",
    orb="sun",
    composition="left",
    peaks="two",
    height="towering",
)


@pytest.fixture(scope="module")
def paintings() -> list[Painting]:
    return [paint_landscape(seed) for seed in range(160)]


def numbers(painting: Painting, kind: str, room: int) -> int:
    found = np.unique(painting.ids)
    return int(((found >= IDS[kind]) & (found < IDS[kind] + room)).sum())


def test_one_integer_is_a_picture():
    first, again, other = paint_landscape(41), paint_landscape(41), paint_landscape(42)
    for name in ("picture", "lines", "ids"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert first.scene == again.scene
    assert not np.array_equal(first.picture, other.picture)


@pytest.mark.parametrize("size", [(128, 128), (256, 256), (384, 256), (192, 320), (512, 512)])
def test_every_size_has_its_three_maps(size: tuple[int, int]):
    painting = paint_landscape(7, *size)
    width, height = size
    assert painting.picture.shape == (height, width, 3)
    assert painting.lines.shape == painting.ids.shape == (height, width)
    assert painting.picture.dtype == painting.lines.dtype == painting.ids.dtype == np.uint8


def test_a_size_out_of_range_is_refused():
    with pytest.raises(ValueError, match="128 to 1024"):
        paint_landscape(1, 64, 64)


def test_words_for_counts_equal_the_id_map(paintings: list[Painting]):
    for painting in paintings:
        scene = painting.scene
        assert int(scene.boats) <= numbers(painting, "boat", 10)
        assert (scene.building == "none") or numbers(painting, "building", 1) == 1
        assert (scene.orb == "none") or numbers(painting, "orb", 1) == 1
        assert (scene.water == "waterfall") <= (numbers(painting, "fall", 1) == 1)
        assert (scene.bridge == "none") or numbers(painting, "bridge", 1) == 1
        trees = numbers(painting, "tree", 10)
        assert trees >= {"none": 0, "single": 1, "several": 2}[scene.grove]


def test_what_is_planned_is_nearly_always_seen():
    """The audit exists for accidents; if it fired often the layout would be at fault."""
    rng = np.random.default_rng(2)
    planned = [sample_scene(rng) for _ in range(120)]
    seen = [paint_scene(scene, seed).scene for seed, scene in enumerate(planned)]
    for name in ("boats", "tree", "building", "birds", "orb", "bridge", "water", "peaks"):
        kept = np.mean([getattr(a, name) == getattr(b, name) for a, b in zip(planned, seen, strict=True)])
        assert kept > 0.88, (name, kept)


def test_a_hidden_boat_is_not_said(monkeypatch: pytest.MonkeyPatch):
    from studio.school import shanshui, things

    assert paint_scene(LAKE, 3).scene.boats == "3"
    sail = things.boats

    def sail_then_hide(easel: shanshui.Easel) -> None:
        sail(easel)
        hidden = easel.ids == IDS["boat"]
        easel.ids[hidden] = 0

    monkeypatch.setattr(things, "boats", sail_then_hide)
    assert paint_scene(LAKE, 3).scene.boats == "2"


def test_the_audit_changes_only_what_can_be_hidden():
    scene = paint_scene(LAKE, 5).scene
    for name in ("style", "season", "hour", "weather", "mist", "composition", "height"):
        assert getattr(scene, name) == getattr(LAKE, name)


def test_a_mirror_image_swaps_left_and_right():
    painting = paint_scene(LAKE, 8)
    turned = flipped(painting)
    assert turned.scene == replace(painting.scene, composition="right")
    assert np.array_equal(turned.picture, painting.picture[:, ::-1])
    assert np.array_equal(turned.ids, painting.ids[:, ::-1])


def test_the_mountains_stand_where_the_composition_says():
    places = {}
    for composition in ATTRIBUTES["composition"]:
        scene = replace(LAKE, composition=composition, mist="none")
        columns = [np.nonzero(paint_scene(scene, seed).ids == IDS["peak"])[1].mean() for seed in range(6)]
        places[composition] = float(np.mean(columns)) / 256
    assert places["left"] < 0.4 < places["centre"] < 0.6 < places["right"]


def test_towering_mountains_are_higher_than_low_ones():
    tops = {
        height: np.mean(
            [
                np.nonzero(paint_scene(replace(LAKE, height=height), s).ids == IDS["peak"])[0].min()
                for s in range(5)
            ]
        )
        for height in ("low", "towering")
    }
    assert tops["towering"] + 50 < tops["low"]


def test_the_sun_is_never_behind_a_peak(paintings: list[Painting]):
    assert all(p.scene.orb != "none" for p in (paint_scene(LAKE, seed) for seed in range(25)))


def test_lines_are_white_on_black_and_sparse(paintings: list[Painting]):
    for painting in paintings[:40]:
        assert painting.lines.max() == 255
        assert 0.004 < (painting.lines > 127).mean() < 0.2


def test_lines_lie_on_edges_of_the_picture(paintings: list[Painting]):
    import cv2

    near = []
    for painting in paintings[:40]:
        if painting.scene.weather != "clear":
            continue
        grey = cv2.cvtColor(painting.picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
        edge = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
        strong = cv2.dilate((edge > 25).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        drawn = painting.lines > 200
        near.append((strong & drawn).sum() / drawn.sum())
    assert np.mean(near) > 0.85


def test_there_is_no_paper_grain_in_the_sky():
    scene = replace(LAKE, birds="none", orb="none")
    sky = paint_scene(scene, 4).picture[4:40, 180:250].astype(np.float32) / 255
    residue = sky[1:-1] - (sky[:-2] + sky[2:]) / 2
    assert residue.std() <= 0.006


def test_snow_whitens_mountains_and_night_is_darker_than_day():
    def brightness(**changes: str) -> float:
        painting = paint_scene(replace(LAKE, mist="none", **changes), 6)
        return float(painting.picture[painting.ids == IDS["peak"]].mean())

    assert brightness(season="winter") > brightness() + 30
    assert brightness(hour="night") < brightness() - 8 or brightness(hour="night") < 110
    day = paint_scene(LAKE, 6).picture.mean()
    assert paint_scene(replace(LAKE, hour="night", orb="full moon"), 6).picture.mean() < day - 60


def test_styles_do_not_look_alike():
    means = {
        s: paint_scene(replace(LAKE, style=s), 6).picture.reshape(-1, 3).mean(0) for s in ATTRIBUTES["style"]
    }
    names = list(means)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            assert np.abs(means[first] - means[second]).max() > 6, (first, second)


def test_every_class_survives_the_audit(paintings: list[Painting]):
    for name, classes in ATTRIBUTES.items():
        assert {getattr(p.scene, name) for p in paintings} == set(classes), name
