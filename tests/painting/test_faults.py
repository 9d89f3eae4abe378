"""What goes wrong while a picture is finished: said clearly, nothing half-made kept, the next job fine."""

from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
import tiny
import torch
from PIL import Image
from safetensors.torch import save_file

from studio import metadata
from studio.errors import BrokenWeights, OutOfMemory, Stopped, UnknownName, UnknownWeights
from studio.families import sd, tiled_vae
from studio.images import digest, encode_png
from studio.models.library import Library
from studio.painting import hires as enlarging
from studio.painting import paint, passes, workbench
from studio.painting.events import Picture
from studio.painting.painter import Painter
from studio.post import Clahe, Faces, Upscale, facenets, faces
from studio.post import enlarge as networks
from studio.recipe import Hires, Lora, Recipe, Source
from studio.settings import Settings

PAINTED = Recipe(prompt="a lake", steps=2, guidance=3.0, width=64, height=64, schedule="Trailing", seed=3)


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    tiny.starter_folder(folder / "starter")
    place = folder / "upscalers"
    place.mkdir()
    state, drawn = {}, torch.Generator().manual_seed(0)
    for n, (into, out) in enumerate(pairwise((3, 8, 8, 12))):
        state[f"body.{2 * n}.weight"] = torch.randn(out, into, 3, 3, generator=drawn) * 0.1
        state[f"body.{2 * n}.bias"] = torch.zeros(out)
        if n < 2:
            state[f"body.{2 * n + 1}.weight"] = torch.full((8,), 0.25)
    save_file(state, place / "good-x2.safetensors")
    save_file({"words": torch.zeros(2, 2)}, place / "foreign.safetensors")
    torch.save(state, place / "old-x2.pth")
    tiny.kohya_lora(folder / "loras" / "ink.safetensors", "starter")
    (place / "cut.safetensors").write_bytes((place / "good-x2.safetensors").read_bytes()[:-40])
    settings = Settings(data=tmp_path_factory.mktemp("data"), models=folder)
    return Painter(settings, Library(settings.models))


@pytest.fixture
def finished():
    """A picture to be finished: its recipe and its bytes."""
    colours = np.random.default_rng(0).integers(0, 255, (90, 70, 3), np.uint8)
    data = encode_png(Image.fromarray(colours))
    return PAINTED.but(source=Source(image=digest(data), strength=0)), {digest(data): data}


def size(painter, recipe, blobs):
    return Image.open(BytesIO(painter.one(recipe, blobs).png)).size


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("foreign", UnknownWeights, "another upscaler"),
        ("cut", BrokenWeights, "again"),
        ("nowhere", UnknownName, "good-x2"),
    ],
)
def test_weights_that_cannot_be_used_are_said_and_the_next_picture_is_made(
    painter, finished, name, error, words
):
    recipe, blobs = finished
    for asked in (
        recipe.but(post=(Upscale(model=name),)),
        recipe.but(hires=Hires(upscaler=name, strength=0)),
        PAINTED.but(hires=Hires(upscaler=name)),
    ):
        with pytest.raises(error, match=words):
            painter.one(asked, blobs)
    assert size(painter, recipe.but(post=(Upscale(model="good-x2"),)), blobs) == (140, 180)


# What is made to run out of memory: where, the how manieth call of it, and in which recipe.
STAGES = {
    "load": (workbench, "load_component", 1, {}),
    "text": (passes, "encode", 1, {}),
    "denoise": (sd, "denoise", 1, {}),
    "decode": (sd, "decode", 1, {}),
    "tiles of the decoder": (tiled_vae, "decoded", 1, {}),
    "enlarge": (enlarging, "enlarged", 1, {"hires": Hires(upscaler="good-x2")}),
    "second denoise": (sd, "denoise", 2, {"hires": Hires(upscaler="good-x2")}),
    "second decode": (sd, "decode", 2, {"hires": Hires(upscaler="good-x2")}),
    "encode": (enlarging, "encode_picture", 1, {"hires": Hires(upscaler="latent (bilinear)")}),
    "post": (networks, "through", 1, {"post": (Upscale(model="good-x2"), Clahe())}),
    "faces": (facenets, "faces_in", 1, {"post": (Faces(),)}),
    "a later step": (paint, "applied", 2, {"post": (Upscale(model="good-x2"), Clahe())}),
    "png": (metadata, "write_png", 1, {"post": (Clahe(),)}),
}
FINISHING = ("encode", "post", "faces", "a later step", "png")


@pytest.mark.parametrize("stage", STAGES)
def test_memory_that_runs_out_in_any_stage_is_said_and_the_next_job_is_fine(
    painter, finished, stage, monkeypatch
):
    module, name, nth, changes = STAGES[stage]
    recipe, blobs = finished if stage in FINISHING else (PAINTED, {})
    recipe = recipe.but(**changes, seed=40 + len(stage))
    if stage == "tiles of the decoder":
        monkeypatch.setattr(tiled_vae, "WHOLE", 0)
    if stage == "faces":  # as if the networks were there; they find nobody
        monkeypatch.setattr(faces, "file_of", lambda library, *names: library.find("upscaler", "good-x2"))
        monkeypatch.setattr(facenets, "faces_in", lambda pixels, tools, file: [])
    painter.stages.clear()
    expected = painter.one(recipe, blobs).png
    painter.stages.clear()
    if stage == "load":
        painter.models.unload()
    real, calls, seen = getattr(module, name), [], []

    def full(*given, **named):
        calls.append(name)
        if len(calls) >= nth:
            raise torch.OutOfMemoryError("out of memory")
        return real(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(module, name, full)
        with pytest.raises(OutOfMemory, match="not enough memory"):
            painter.paint(recipe, blobs, seen.append, lambda: False)
    assert len(calls) >= nth
    assert not any(isinstance(event, Picture) for event in seen)
    again = painter.one(recipe, blobs).png
    assert Image.open(BytesIO(again)).tobytes() == Image.open(BytesIO(expected)).tobytes()


# What reads a file of weights, and a recipe that has it read; any of them may say that memory has run out.
NO_ROOM = (
    torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    OSError(12, "Cannot allocate memory"),
)
READING = {
    "safetensors.safe_open": {"post": (Upscale(model="good-x2"),)},
    "torch.load": {"post": (Upscale(model="old-x2"),)},
    "spandrel.ModelLoader.load_from_state_dict": {"post": (Upscale(model="good-x2"),)},
    "studio.models.lora.delta": {"loras": (Lora(model="ink"),)},
}


@pytest.mark.parametrize("error", NO_ROOM, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("reader", READING)
def test_a_file_that_memory_was_too_short_for_is_not_called_damaged(
    painter, finished, reader, error, monkeypatch
):
    recipe, blobs = finished if "post" in READING[reader] else (PAINTED, {})
    recipe = recipe.but(**READING[reader])
    painter.models.unload()
    painter.stages.clear()

    def full(*_, **__):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(reader, full)
        with pytest.raises(OutOfMemory, match="not enough memory"):
            painter.one(recipe, blobs)
    assert size(painter, recipe, blobs)


def test_one_want_of_memory_is_survived_without_a_word(painter, finished, monkeypatch):
    recipe, blobs = finished
    through, failures = networks.through, [torch.OutOfMemoryError("out of memory")]

    def once(*given):
        if failures:
            raise failures.pop()
        return through(*given)

    painter.stages.clear()
    monkeypatch.setattr(networks, "through", once)
    assert size(painter, recipe.but(post=(Upscale(model="good-x2"),)), blobs) == (140, 180)


@pytest.mark.parametrize("where", ["upscaler", "decoder"])
def test_stop_in_the_middle_of_the_tiles_keeps_nothing_of_them(painter, finished, where, monkeypatch):
    recipe, blobs = finished if where == "upscaler" else (PAINTED.but(width=128, height=128), {})
    recipe = recipe.but(post=(Upscale(model="good-x2"),)) if where == "upscaler" else recipe
    monkeypatch.setattr(networks, "TILE", 64)
    for name, value in {"WHOLE": 0, "SIDE": 8, "OVERLAP": 2}.items():
        monkeypatch.setattr(tiled_vae, name, value)
    painter.stages.clear()
    tiles, seen = [], []
    module, forward = (torch.nn.PixelShuffle, torch.nn.PixelShuffle.forward)
    if where == "decoder":
        painter.one(recipe.but(seed=1), blobs)
        module, forward = torch.nn.SiLU, torch.nn.SiLU.forward

    def counted(self, given):
        if where == "upscaler" or given.shape[-1] >= 64:
            tiles.append(given.shape)
        return forward(self, given)

    monkeypatch.setattr(module, "forward", counted)
    with pytest.raises(Stopped):
        painter.paint(recipe, blobs, seen.append, lambda: len(tiles) >= 2)
    done = len(tiles)
    assert not any(isinstance(event, Picture) for event in seen)
    made = painter.one(recipe, blobs)
    assert len(tiles) > done + 2, "what was begun is made anew, whole"
    assert Image.open(BytesIO(made.png)).size == ((140, 180) if where == "upscaler" else (128, 128))
