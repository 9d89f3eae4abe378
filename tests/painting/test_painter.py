"""The whole chain on the real starter: only properties are tested, for its weights will be replaced."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from studio import metadata
from studio.errors import BadInput, BlackPicture, Stopped, UnknownName
from studio.families import sd
from studio.images import digest, encode_png
from studio.models.library import Library
from studio.painting.events import Picture, Started, Step
from studio.painting.painter import Painter
from studio.painting.travel import travel
from studio.post import Clahe
from studio.recipe import Control, Lora, Mask, Recipe, Source
from studio.settings import Settings

QUICK = Recipe(
    prompt="a lone boat on a misty lake",
    steps=3,
    guidance=3.0,
    width=128,
    height=128,
    schedule="Trailing",
    seed=7,
)


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    settings = Settings(data=tmp_path_factory.mktemp("data"))
    return Painter(settings, Library(settings.models))


@pytest.fixture
def source():
    ramp = np.linspace(0, 255, 128, dtype=np.uint8)
    data = encode_png(Image.fromarray(np.stack([np.tile(ramp, (128, 1))] * 3, axis=-1)))
    return digest(data), {digest(data): data}


def paint(painter, recipe, blobs=None, stopped=lambda: False):
    events = []
    painter.paint(recipe, blobs or {}, events.append, stopped)
    return events


def pixels(painter, recipe, blobs=None):
    return np.asarray(Image.open(BytesIO(painter.one(recipe, blobs or {}).png)).convert("RGB")).astype(int)


def test_a_painting_tells_its_steps_and_ends_with_one_picture(painter):
    events = paint(painter, QUICK)
    steps = [event for event in events if isinstance(event, Step) and event.stage == "denoise"]
    assert isinstance(events[0], Started)
    assert [(step.i, step.n) for step in steps] == [(1, 3), (2, 3), (3, 3)]
    assert all(step.preview and len(step.preview) < 20_000 for step in steps)
    assert [isinstance(event, Picture) for event in events].count(True) == 1
    assert isinstance(events[-1], Picture)


def test_the_same_seed_paints_the_same_picture_and_another_seed_another(painter):
    first = pixels(painter, QUICK)
    painter.stages.clear()
    assert (pixels(painter, QUICK) == first).all()
    assert (pixels(painter, QUICK.but(seed=8)) != first).any()


def test_the_file_brings_its_whole_recipe_and_inputs_back(painter, source):
    name, blobs = source
    recipe = QUICK.but(source=Source(image=name, strength=0.7), post=(Clahe(),))
    found = metadata.read_file(painter.one(recipe, blobs).png)
    assert found.recipe == recipe
    assert found.blobs == blobs
    assert found.facts["model"]["id"] == "starter"
    assert len(found.facts["model"]["sha256"]) == 64


def test_only_what_changed_is_painted_again(painter):
    painter.stages.clear()
    recipe = QUICK.but(post=(Clahe(),))
    painter.one(recipe, {})
    moved = painter.one(recipe.but(post=(Clahe(amount=0.9),)), {}).facts["seconds"]
    assert set(moved) == {"post"}
    seeded = painter.one(recipe.but(seed=99), {}).facts["seconds"]
    assert "denoise" in seeded
    assert "text" not in seeded
    assert paint(painter, recipe)[-1].png == paint(painter, recipe)[-1].png


def test_stop_ends_within_the_step_and_keeps_nothing_of_it(painter):
    seen = []
    recipe = QUICK.but(seed=1234)
    with pytest.raises(Stopped):
        painter.paint(recipe, {}, seen.append, lambda: sum(isinstance(e, Step) for e in seen) >= 2)
    assert sum(isinstance(event, Step) for event in seen) == 2
    assert not any(isinstance(event, Picture) for event in seen)
    assert isinstance(paint(painter, recipe)[-1], Picture)


def test_a_strength_of_zero_keeps_the_source_to_the_pixel(painter, source):
    name, blobs = source
    before = np.asarray(Image.open(BytesIO(blobs[name])).convert("RGB")).astype(int)
    assert (pixels(painter, QUICK.but(source=Source(image=name, strength=0)), blobs) == before).all()


def test_outside_of_a_mask_nothing_changes(painter, source):
    name, blobs = source
    half = np.zeros((128, 128), np.uint8)
    half[:, 64:] = 255
    mask = encode_png(Image.fromarray(half))
    both = {**blobs, digest(mask): mask}
    recipe = QUICK.but(source=Source(image=name, strength=0.9), mask=Mask(image=digest(mask), blur=4))
    after = pixels(painter, recipe, both)
    before = np.asarray(Image.open(BytesIO(blobs[name])).convert("RGB")).astype(int)
    assert (after[:, :64] == before[:, :64]).all()
    assert (after[:, 64:] != before[:, 64:]).any()


def test_what_lies_under_a_mask_before_matters_and_nothing_outside_of_it_does(painter, source):
    name, blobs = source
    half = np.zeros((128, 128), np.uint8)
    half[:, 64:] = 255
    mask = encode_png(Image.fromarray(half))
    both = {**blobs, digest(mask): mask}
    recipe = QUICK.but(steps=4, source=Source(image=name, strength=0.6), mask=Mask(image=digest(mask)))
    made = [
        pixels(painter, recipe.but(mask=recipe.mask.but(fill=fill)), both)
        for fill in ("original", "blur", "noise", "empty")
    ]
    for i, one in enumerate(made):
        assert (one[:, :64] == made[0][:, :64]).all()
        assert all((one != other).any() for other in made[:i])


def test_only_what_is_masked_is_painted_larger_and_the_picture_keeps_its_size(painter, source):
    large = encode_png(Image.effect_noise((300, 200), 60).convert("RGB"))
    spot = Image.new("L", (300, 200))
    spot.paste(255, (200, 60, 240, 100))
    mask = encode_png(spot)
    blobs = {digest(large): large, digest(mask): mask}
    recipe = QUICK.but(
        source=Source(image=digest(large), strength=0.9),
        mask=Mask(image=digest(mask), region="masked", padding=16),
    )
    after, before = pixels(painter, recipe, blobs), np.asarray(Image.open(BytesIO(large))).astype(int)
    assert after.shape == (200, 300, 3)
    inside = np.asarray(spot) > 0
    assert (after[~inside] == before[~inside]).all()
    assert (after[inside] != before[inside]).any()


def test_weights_schedules_and_and_change_the_picture_and_a_weight_of_one_does_not(painter):
    plain = pixels(painter, QUICK.but(prompt="a lake, snow"))
    for prompt in ("(a lake:1.4), snow", "[a lake:a pine:0.5], snow", "a lake AND snow", "a lake BREAK snow"):
        assert (pixels(painter, QUICK.but(prompt=prompt)) != plain).any(), prompt
    assert (pixels(painter, QUICK.but(prompt="(a lake:1), snow")) == plain).all()
    assert (pixels(painter, QUICK.but(prompt="a lake, snow:1")) == plain).all()


def test_a_lora_changes_its_own_picture_and_never_the_next(painter):
    lora = next(file for file in painter.library.files("lora") if file.id.startswith("starter"))
    plain = pixels(painter, QUICK)
    painter.stages.clear()
    with_lora = pixels(painter, QUICK.but(loras=(Lora(model=lora.id),)))
    in_prompt = pixels(painter, QUICK.but(prompt=f"{QUICK.prompt}<lora:{lora.id}:1>"))
    painter.stages.clear()
    assert (with_lora != plain).any()
    assert (in_prompt == with_lora).all()
    assert (pixels(painter, QUICK) == plain).all()


def test_a_lora_in_the_prompt_that_is_not_there_is_a_warning_and_the_picture_is_painted(painter):
    facts = painter.one(QUICK.but(prompt="a lake <lora:nowhere:1>"), {}).facts
    assert "nowhere" in facts["warnings"][0]


def test_a_controlnet_follows_its_picture(painter, source):
    name, blobs = source
    recipe = QUICK.but(controls=(Control(image=name, model="starter", hint="canny"),))
    assert (pixels(painter, recipe, blobs) != pixels(painter, QUICK)).any()
    assert pixels(painter, recipe.but(controls=(recipe.controls[0].but(weight=0),)), blobs).shape == (
        128,
        128,
        3,
    )


def test_an_unknown_model_lists_what_exists(painter):
    with pytest.raises(UnknownName, match="starter"):
        painter.one(QUICK.but(model="strater"), {})


def test_a_picture_that_is_missing_is_said(painter):
    with pytest.raises(BadInput, match="add it again"):
        painter.one(QUICK.but(source=Source(image="a" * 64)), {})


def test_a_black_picture_is_decoded_again_in_full_precision(painter, monkeypatch):
    decode, precisions = sd.decode, []

    def overflowing(family, latents, vae):
        precisions.append(str(vae.dtype))
        if len(precisions) == 1:
            raise BlackPicture("no numbers")
        return decode(family, latents, vae)

    monkeypatch.setattr(sd, "decode", overflowing)
    monkeypatch.setattr("studio.painting.workbench.Workbench.tiny", lambda *_: None)
    painter.stages.clear()
    assert painter.one(QUICK.but(seed=55), {}).png
    assert precisions[1] == "torch.float32"


def test_after_running_out_of_memory_the_next_picture_is_right(painter, monkeypatch):
    expected = pixels(painter, QUICK.but(seed=77))
    denoise = sd.denoise

    def full(*_):
        raise MemoryError

    monkeypatch.setattr(sd, "denoise", full)
    painter.stages.clear()
    with pytest.raises(Exception, match="not enough memory"):
        painter.one(QUICK.but(seed=77), {})
    monkeypatch.setattr(sd, "denoise", denoise)
    assert (pixels(painter, QUICK.but(seed=77)) == expected).all()


def test_a_travel_begins_and_ends_with_the_pictures_themselves(painter):
    start, end = QUICK, QUICK.but(prompt="a red sun over mountains, autumn", seed=8)
    frames = [np.asarray(frame).astype(int) for frame in travel(painter, start, end, 3)]
    assert np.abs(frames[0] - pixels(painter, start)).max() <= 2
    assert np.abs(frames[2] - pixels(painter, end)).max() <= 2
    assert (frames[1] != frames[0]).any()
    assert (frames[1] != frames[2]).any()


def test_a_travel_between_different_sizes_is_refused_with_what_differs(painter):
    with pytest.raises(BadInput, match="Width"):
        list(travel(painter, QUICK, QUICK.but(width=192), 3))
