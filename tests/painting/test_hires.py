"""High-res fix on the real starter, small: 64 → 128 pixels."""

from io import BytesIO

import numpy as np
import pytest
import tiny
from PIL import Image
from pydantic import ValidationError

from studio import deep, metadata
from studio.deep import Deep
from studio.errors import BadInput, Stopped, UnknownName
from studio.images import digest, encode_png
from studio.models.library import Library
from studio.painting.events import Picture, Step
from studio.painting.hires import second_recipe
from studio.painting.painter import Painter
from studio.post import Tone, Upscale
from studio.recipe import Hires, Mask, Recipe, Source
from studio.settings import Settings

FIRST = Recipe(
    prompt="mountains under a red sun",
    steps=4,
    guidance=3.0,
    width=64,
    height=64,
    schedule="Trailing",
    seed=7,
)
LATENT = Hires(upscaler="latent (bilinear)")
PIXELS = Hires(upscaler="lanczos")


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    settings = Settings(data=tmp_path_factory.mktemp("data"))
    return Painter(settings, Library(settings.models))


def pixels(painter, recipe, blobs=None):
    return np.asarray(Image.open(BytesIO(painter.one(recipe, blobs or {}).png)).convert("RGB")).astype(int)


SEEDS = (5, 6, 7, 8)


def small(picture):
    return np.asarray(
        Image.fromarray(picture.astype(np.uint8)).resize((32, 32), Image.Resampling.BOX)
    ).astype(float)


@pytest.mark.parametrize("asked", [PIXELS, LATENT.but(strength=0.3)], ids=lambda asked: asked.upscaler)
def test_the_composition_of_the_first_pass_is_kept(painter, asked):
    """All landscapes are light above and dark below, so what they share is taken away first."""
    first_pass = FIRST.but(width=128, height=128, steps=8)  # smaller ones are mostly alike
    firsts = [small(pixels(painter, first_pass.but(seed=seed))) for seed in SEEDS]
    shared = sum(firsts) / len(firsts)
    for own in (0, 2):
        done = pixels(painter, first_pass.but(seed=SEEDS[own], hires=asked))
        assert done.shape == (256, 256, 3)
        alike = [
            float(np.corrcoef((small(done) - shared).ravel(), (first - shared).ravel())[0, 1])
            for first in firsts
        ]
        mine = alike.pop(own)
        assert mine > 0.6
        assert mine > max(alike) + 0.3


def test_the_second_pass_paints_and_does_not_only_enlarge(painter):
    plain = pixels(painter, FIRST.but(hires=PIXELS.but(strength=0)))
    assert np.abs(pixels(painter, FIRST.but(hires=PIXELS)) - plain).mean() > 1


def test_the_first_pass_is_kept_while_only_the_second_changes(painter):
    painter.stages.clear()
    painter.one(FIRST.but(hires=PIXELS), {})
    moved = painter.one(FIRST.but(hires=PIXELS.but(strength=0.5)), {}).facts["seconds"]
    assert "hires" in moved
    assert not {"denoise", "enlarge"} & moved.keys()
    assert "denoise" not in painter.one(FIRST.but(hires=LATENT), {}).facts["seconds"]


def test_the_second_pass_is_shown_live_with_as_many_steps_as_were_asked_for(painter):
    seen = []
    painter.paint(FIRST.but(hires=PIXELS.but(steps=3)), {}, seen.append, lambda: False)
    steps = [event for event in seen if isinstance(event, Step) and event.stage == "hires"]
    assert [(step.i, step.n) for step in steps] == [(1, 3), (2, 3), (3, 3)]
    assert all(step.preview for step in steps)
    assert isinstance(seen[-1], Picture)


def test_stop_in_the_second_pass_keeps_the_first(painter):
    seen = []
    recipe = FIRST.but(seed=99, hires=LATENT)

    def in_the_second():
        return any(isinstance(event, Step) and event.stage == "hires" for event in seen)

    with pytest.raises(Stopped):
        painter.paint(recipe, {}, seen.append, in_the_second)
    assert not any(isinstance(event, Picture) for event in seen)
    assert "denoise" not in painter.one(recipe, {}).facts["seconds"]


def test_a_strength_of_zero_only_enlarges(painter):
    first = pixels(painter, FIRST)
    done = pixels(painter, FIRST.but(hires=Hires(upscaler="nearest", strength=0)))
    assert (done == first.repeat(2, axis=0).repeat(2, axis=1)).all()


def test_the_second_pass_may_have_words_of_its_own(painter):
    same = pixels(painter, FIRST.but(hires=LATENT))
    other = pixels(painter, FIRST.but(hires=LATENT.but(prompt="snow, winter", sampler="Euler", guidance=5)))
    assert (same != other).any()
    switching = FIRST.but(prompt="mountains [a red sun:snow:1.0]")  # 1.0 is the end of the first pass
    assert (pixels(painter, switching) == pixels(painter, FIRST.but(prompt="mountains a red sun"))).all()
    assert (
        pixels(painter, switching.but(hires=LATENT))
        == pixels(painter, FIRST.but(prompt="mountains a red sun", hires=LATENT.but(prompt="mountains snow")))
    ).all()


def test_a_finished_picture_is_fixed_at_its_own_size(painter):
    ramp = np.linspace(0, 255, 96, dtype=np.uint8)
    data = encode_png(Image.fromarray(np.stack([np.tile(ramp, (72, 1))] * 3, axis=-1)))
    recipe = FIRST.but(source=Source(image=digest(data), strength=0))
    for asked in (LATENT, PIXELS):
        made = painter.one(recipe.but(hires=asked), {digest(data): data})
        assert Image.open(BytesIO(made.png)).size == (192, 144)
        assert "denoise" not in made.facts["seconds"]


def test_outside_of_a_mask_the_enlarged_source_stays(painter):
    data = encode_png(Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)))
    half = np.zeros((64, 64), np.uint8)
    half[:, 32:] = 255
    mask = encode_png(Image.fromarray(half))
    blobs = {digest(data): data, digest(mask): mask}
    recipe = FIRST.but(source=Source(image=digest(data), strength=0.8), mask=Mask(image=digest(mask)))
    done = pixels(painter, recipe.but(hires=Hires(upscaler="nearest")), blobs)
    before = np.asarray(Image.open(BytesIO(data))).astype(int).repeat(2, axis=0).repeat(2, axis=1)
    assert (done[:, :60] == before[:, :60]).all()
    with pytest.raises(ValidationError, match="pixels"):
        recipe.but(hires=LATENT)


def test_the_file_brings_its_high_res_fix_back(painter):
    recipe = FIRST.but(hires=PIXELS.but(scale=1.5, prompt="snow"))
    png = painter.one(recipe, {}).png
    assert metadata.read_file(png).recipe == recipe
    assert Image.open(BytesIO(png)).size == (96, 96)


def test_the_strength_follows_the_upscaler_and_leaves_the_steps_asked_for():
    assert (LATENT.denoising, PIXELS.denoising) == (0.7, 0.35)
    assert PIXELS.but(strength=0.1).denoising == 0.1
    for strength in (0.1, 0.35, 0.55, 0.7, 1.0):
        for steps in (1, 7, 10):
            second = second_recipe(FIRST, PIXELS.but(strength=strength, steps=steps), (128, 128))
            assert int(second.steps * strength) == steps


def test_a_sampler_of_its_own_takes_a_schedule_it_knows():
    second = second_recipe(FIRST.but(schedule="KL Optimal"), PIXELS.but(sampler="DDIM"), (128, 128))
    assert (second.sampler, second.schedule) == ("DDIM", "Automatic")


def test_what_cannot_be_done_is_said_before_anything_is_painted(painter):
    with pytest.raises(ValidationError, match="smaller scale"):
        FIRST.but(width=2048, hires=Hires(scale=4))
    with pytest.raises(UnknownName, match="lanczos"):
        painter.one(FIRST.but(hires=Hires(upscaler="x9")), {})
    with pytest.raises(UnknownName):
        painter.one(FIRST.but(hires=Hires(sampler="Oiler")), {})
    large = encode_png(Image.new("RGB", (3000, 16)))
    finish = FIRST.but(source=Source(image=digest(large), strength=0), hires=PIXELS)
    with pytest.raises(BadInput, match="Upscale step"):
        painter.one(finish, {digest(large): large})


def test_an_exact_size_is_met_and_what_is_too_much_is_cut_off(painter):
    done = pixels(painter, FIRST.but(hires=Hires(upscaler="nearest", strength=0, width=128, height=96)))
    first = pixels(painter, FIRST).repeat(2, axis=0).repeat(2, axis=1)
    assert (done == first[16:112]).all()
    for asked in (PIXELS, LATENT):
        made = painter.one(FIRST.but(hires=asked.but(width=128, height=96)), {})
        assert Image.open(BytesIO(made.png)).size == (128, 96)
    assert pixels(painter, FIRST.but(hires=PIXELS.but(height=96))).shape == (96, 96, 3)
    name = "0" * 64
    with pytest.raises(ValidationError, match="proportions"):
        FIRST.but(source=Source(image=name), mask=Mask(image=name), hires=PIXELS.but(width=128, height=96))


def test_a_finished_picture_stays_as_transparent_as_it_was(painter):
    given = np.full((64, 64, 4), 200, np.uint8)
    given[:, 32:, 3] = 0
    data = encode_png(Image.fromarray(given))
    recipe = FIRST.but(source=Source(image=digest(data), strength=0))
    for asked in (PIXELS, LATENT, Hires(upscaler="nearest", strength=0)):
        png = painter.one(recipe.but(hires=asked), {digest(data): data}).png
        alpha = np.asarray(Image.open(BytesIO(png)).getchannel("A")).astype(int)
        assert alpha.shape == (128, 128)
        assert alpha[:, :56].min() > 190
        assert alpha[:, 72:].max() < 10


def test_a_finished_picture_of_sixteen_bits_stays_one_to_the_file(painter):
    given = np.random.default_rng(0).integers(0, 65_536, (32, 40, 4), dtype=np.uint16)
    data = deep.encode_png(Deep(given))
    recipe = FIRST.but(source=Source(image=digest(data), strength=0))
    plain = deep.read(painter.one(recipe, {digest(data): data}).png)
    assert (plain.pixels == given).all()
    larger = recipe.but(
        hires=Hires(upscaler="nearest", strength=0),
        post=(Upscale(model="nearest", scale=2), Tone(exposure=0.1)),
    )
    png = painter.one(larger, {digest(data): data}).png
    found = deep.read(png)
    assert found.size == (160, 128)
    assert (found.pixels[::4, ::4, 3] == given[..., 3]).all()
    assert metadata.read_file(png).recipe == larger


@pytest.fixture(scope="module")
def two_painters(tmp_path_factory):
    """The tiny starter, another of its family, and one of another family with a LoRA of the first's."""
    folder = tmp_path_factory.mktemp("models")
    tiny.starter_folder(folder / "starter")
    tiny.starter_folder(folder / "checkpoints" / "other", seed=9)
    tiny.sd15_folder(folder / "checkpoints" / "fifteen")
    tiny.peft_lora(folder / "loras" / "mine.safetensors", "starter")
    settings = Settings(data=tmp_path_factory.mktemp("data"), models=folder)
    return Painter(settings, Library(settings.models))


def test_the_second_pass_may_have_a_painter_of_its_own(two_painters):
    asked = PIXELS.but(strength=0.9, steps=2)
    same = pixels(two_painters, FIRST.but(hires=asked))
    two_painters.stages.clear()
    other = pixels(two_painters, FIRST.but(hires=asked.but(model="other")))
    assert (same != other).any()
    moved = two_painters.one(FIRST.but(hires=asked.but(model="other", strength=0.5)), {}).facts["seconds"]
    assert "denoise" not in moved, "the first pass does not depend on the second's painter"
    assert (pixels(two_painters, FIRST.but(hires=asked.but(model="starter"))) == same).all()


def test_another_family_takes_pixels_only_and_no_lora_that_is_not_its_own(two_painters):
    recipe = FIRST.but(prompt="a lake <lora:mine:1>", hires=PIXELS.but(model="fifteen", steps=2))
    made = two_painters.one(recipe, {})
    assert Image.open(BytesIO(made.png)).size == (128, 128)
    assert any("mine" in said and "left out" in said for said in made.facts["warnings"])
    with pytest.raises(BadInput, match="upscaler of pixels"):
        two_painters.one(FIRST.but(hires=LATENT.but(model="fifteen")), {})
    with pytest.raises(UnknownName, match="fifteen"):
        two_painters.one(FIRST.but(hires=PIXELS.but(model="nobody")), {})
