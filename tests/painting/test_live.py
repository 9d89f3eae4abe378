"""Live painting with the starter: few steps, fixed noise, and nothing done twice."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from studio import images
from studio.errors import BadInput, Stopped
from studio.families import family
from studio.models.library import Library
from studio.painting.live import MOST_STEPS, Pace, few_step_lora, live_size
from studio.painting.painter import Painter
from studio.recipe import Recipe
from studio.settings import PROJECT, Settings

SIDE = 128


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    settings = Settings(data=tmp_path_factory.mktemp("data"), models=PROJECT / "models", device="cpu")
    return Painter(settings, Library(settings.models))


def lines(*points):
    drawn = Image.new("RGB", (SIDE, SIDE))
    ImageDraw.Draw(drawn).line(points, fill="white", width=3)
    return images.encode_png(drawn)


def recipe(seed=3, prompt="misty mountains and a lake", **more):
    return Recipe(prompt=prompt, seed=seed, width=SIDE, height=SIDE, guidance=1, **more)


def sketched(data, **more):
    control = {"image": images.digest(data), "model": "starter"}
    return recipe(controls=[control], **more), {images.digest(data): data}


def never():
    return False


def pixels(still):
    return np.asarray(Image.open(io.BytesIO(still.jpeg)).convert("RGB"), dtype=np.float32)


def test_a_frame_is_a_jpeg_of_the_recipes_size_in_one_to_four_steps(painter):
    still = painter.live(recipe(), {}, never)
    assert pixels(still).shape == (SIDE, SIDE, 3)
    assert 1 <= still.steps <= MOST_STEPS
    assert pixels(still).std() > 5, "not one flat colour"


def test_the_same_canvas_costs_nothing_and_another_follows_the_pen(painter):
    first, blobs = sketched(lines((0, 90), (64, 30), (127, 90)))
    one, two = painter.live(first, blobs, never), painter.live(first, blobs, never)
    assert not one.same
    assert two.same
    assert two.jpeg == one.jpeg
    other, more = sketched(lines((0, 20), (64, 110), (127, 20)))
    three = painter.live(other, more, never)
    assert not three.same
    assert np.abs(pixels(three) - pixels(one)).mean() > 0.2


def test_the_noise_is_the_seeds_so_that_frames_do_not_flicker(painter):
    painter._live._budget = 0.0  # one step always, whatever the machine is doing
    one = painter.live(recipe(5), {}, never)
    painter.live(recipe(6), {}, never)
    again = painter.live(recipe(5), {}, never)
    assert again.jpeg == one.jpeg
    assert not again.same


def test_colour_strokes_are_painted_over_by_the_strength(painter):
    paper = images.encode_png(Image.new("RGB", (SIDE, SIDE), (30, 60, 200)))
    name = images.digest(paper)
    over = [recipe(source={"image": name, "strength": strength}) for strength in (0.1, 1.0)]
    frames = [pixels(painter.live(one, {name: paper}, never)) for one in over]
    far = [np.abs(frame.mean((0, 1)) - (30, 60, 200)).mean() for frame in frames]
    assert far[0] < far[1]


def test_the_merged_model_lies_beside_the_other_and_leaves_it_as_it_was(painter):
    model = painter.library.identified(painter.library.find("checkpoint", "starter"))
    kin = family(model.family)
    before = {n: t.clone() for n, t in painter.bench.entry(model, "unet", kin).value.state_dict().items()}
    painter.live(recipe(8), {}, never)
    plain = painter.bench.entry(model, "unet", kin).value
    assert all((plain.state_dict()[name] == tensor).all() for name, tensor in before.items())
    merged = [e.value for e in painter.models._entries.values() if e.key.quant.startswith("live-")]
    assert merged
    assert any((merged[0].state_dict()[name] != tensor).any() for name, tensor in before.items())


def test_stop_ends_a_frame_between_two_steps(painter):
    with pytest.raises(Stopped):
        painter.live(recipe(9), {}, lambda: True)


def test_a_missing_picture_and_a_model_without_few_steps_are_said_in_a_sentence(painter, tmp_path):
    wanted, _ = sketched(lines((0, 0), (9, 9)))
    with pytest.raises(BadInput, match="did not arrive"):
        painter.live(wanted, {}, never)
    model = painter.library.identified(painter.library.find("checkpoint", "starter"))
    with pytest.raises(BadInput, match="few-step LoRA"):
        few_step_lora(Library(Path(tmp_path)), model, family("sd15"))


@pytest.mark.parametrize(
    ("step", "around", "now", "steps"),
    [
        (0.05, 0.1, 1, 2),
        (0.05, 0.09, 3, 3),
        (0.05, 0.09, 2, 2),
        (0.3, 0.1, 4, 1),
        (0.01, 0.02, 1, MOST_STEPS),
        (0.1, 9.0, 2, 1),
    ],
)
def test_as_many_steps_as_fit_and_one_more_only_with_room_to_spare(step, around, now, steps):
    assert Pace(step, around).steps(now, 0.25) == steps


def test_large_recipes_are_painted_live_at_the_familys_size():
    kin = family("sd15")
    width, height = live_size(kin, 2048, 1024)
    assert width % 8 == height % 8 == 0
    assert width * height <= max(w * h for w, h in kin.sizes)
    assert abs(width / height - 2) < 0.05
    assert live_size(kin, 512, 512) == (512, 512)
