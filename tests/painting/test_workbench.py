"""Which tiny decoder a painting is shown by while it is painted, and that it is really asked."""

from io import BytesIO

import numpy as np
import pytest
import tiny
from PIL import Image

from studio.families import family
from studio.models.library import Library
from studio.models.manager import Models
from studio.painting import passes
from studio.painting.events import Step
from studio.painting.materials import gather
from studio.painting.painter import Painter
from studio.painting.workbench import Workbench, tiny_of
from studio.recipe import Recipe
from studio.settings import Settings


@pytest.fixture
def models(tmp_path):
    tiny.sd15_folder(tmp_path / "checkpoints" / "ink")
    return tmp_path


def found(models, name="sd15", model="ink"):
    library = Library(models)
    one = tiny_of(library.find("checkpoint", model), family(name), library)
    return one.id if one else None


def test_there_is_none_until_it_is_put_into_its_folder(models):
    assert found(models) is None
    tiny.taesd_file(models / "vae_approx" / "taesdxl.safetensors")
    assert found(models) is None
    tiny.taesd_file(models / "vae_approx" / "taesd.safetensors")
    assert (found(models), found(models, "sdxl")) == ("taesd", "taesdxl")


def test_sd_2_is_decoded_by_that_of_sd_15_whose_latents_it_has(models):
    tiny.taesd_file(models / "vae_approx" / "taesd.safetensors")
    assert found(models, "sd2") == "taesd"


def test_what_a_model_brings_comes_first(models):
    tiny.taesd_file(models / "vae_approx" / "taesd.safetensors")
    tiny.starter_folder(models / "starter")
    assert found(models, "starter", "starter") == "starter"


def test_pickled_halves_are_found_and_foreign_approximations_are_left_alone(models):
    tiny.taesd_halves(models / "vae_approx")
    (models / "vae_approx" / "model.pt").write_bytes(b"\x80\x04 not weights")
    assert found(models) == "taesd_decoder"


def test_one_that_is_damaged_is_done_without(models):
    path = tiny.taesd_file(models / "vae_approx" / "taesd.safetensors")
    state = tiny.taesd().state_dict()
    state.pop("decoder.layers.18.weight")
    tiny.save_file(state, path)
    library = Library(models)
    bench = Workbench(Models("cpu"))
    assert found(models) == "taesd"
    assert bench.tiny(library.find("checkpoint", "ink"), family("sd15"), library) is None


def previews(models, monkeypatch):
    """Every preview of a painting of two steps, each of which is worth the tiny decoder's time."""
    monkeypatch.setattr(passes.Previews, "_worth_it", lambda self, now: True)
    painter = Painter(Settings(data=models / "data", models=models, device="cpu"), Library(models))
    events = []
    recipe = Recipe.of({"prompt": "mist", "model": "ink", "steps": 2, "width": 64, "height": 64, "seed": 1})
    painter.paint(recipe, {}, events.append, lambda: False)
    shown = [one.preview for one in events if isinstance(one, Step) and one.preview]
    return [np.asarray(Image.open(BytesIO(one)).convert("RGB")).astype(int) for one in shown]


def test_previews_are_those_of_the_decoder_in_the_folder(models, monkeypatch):
    rough = previews(models, monkeypatch)
    net = tiny.taesd()
    for parameter in net.parameters():  # whatever the latents: bright red
        parameter.data.zero_()
    net.decoder.layers[-1].bias.data.copy_(tiny.torch.tensor([1.0, 0.0, 0.0]))
    tiny.save_file(net.state_dict(), _made(models / "vae_approx") / "taesd.safetensors")
    sharp = previews(models, monkeypatch)
    assert len(rough) == len(sharp) == 2
    assert all((one[..., 0] > 240).all() and (one[..., 1] < 20).all() for one in sharp)
    assert not any((one[..., 0] > 240).all() for one in rough)


def _made(folder):
    folder.mkdir()
    return folder


def test_live_painting_decodes_with_it_but_takes_a_source_only_if_it_can_encode(models):
    painter = Painter(Settings(data=models / "data", models=models, device="cpu"), Library(models))
    live, library = painter._live, painter.library
    plain = Recipe.of({"prompt": "mist", "model": "ink", "seed": 1})
    over = plain.but(source={"image": "0" * 64, "strength": 0.5})

    def component(recipe):
        return live._autoencoder(gather(recipe, library)).key.component

    assert component(plain) == "vae"
    tiny.taesd_halves(models / "vae_approx")
    library.scan()
    assert (component(plain), component(over)) == ("vae_tiny", "vae_tiny")
    (models / "vae_approx" / "taesd_encoder.pth").unlink()
    painter.models.unload()
    library.scan()
    assert (component(plain), component(over)) == ("vae_tiny", "vae")
