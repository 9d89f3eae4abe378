"""Painting through diffusers' pipelines: the bare pipeline's pixels, and what the studio adds to them."""

import copy
from dataclasses import replace

import diffusers
import numpy as np
import pytest
import tiny
import torch
from families.kit import SIDE, words
from PIL import Image

from studio.errors import BadInput, BlackPicture, Stopped
from studio.families import sd
from studio.families.encode import Conditioning
from studio.recipe import Control, Mask, Recipe, Source
from studio.samplers import scheduler

REF = "0" * 64
BASE = Recipe(width=SIDE, height=SIDE, steps=4, guidance=4.0, seed=11, sampler="DPM++ 2M", schedule="Karras")
FROM = BASE.but(source=Source(image=REF, strength=0.75))
INSIDE = FROM.but(mask=Mask(image=REF))
HINT = Image.effect_noise((SIDE, SIDE), 90).convert("RGB")
CONTROL = Control(image=REF, model="x", weight=0.8, start=0.0, end=0.75)


def bare(kit, recipe, task, pictures, nets=()):
    """The same picture by the pipeline class alone, as its users call it."""
    config = {**kit.parts.scheduler_base, "algorithm_type": "dpmsolver++", "timestep_spacing": "linspace"}
    made = diffusers.DPMSolverMultistepScheduler.from_config(config, use_karras_sigmas=True)
    xl = kit.family.name == "sdxl"
    modules = {"text_encoder": None, "tokenizer": None} | (
        {"text_encoder_2": None, "tokenizer_2": None}
        if xl
        else {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    )
    if nets:
        modules["controlnet"] = nets[0] if len(nets) == 1 else list(nets)
    cls = getattr(diffusers, f"StableDiffusion{'XL' if xl else ''}{task}Pipeline")
    pipe = cls(vae=kit.parts.vae, unet=kit.parts.unet, scheduler=made, **modules)
    pipe.set_progress_bar_config(disable=True)
    moment = kit.conditioning.at(1)
    positive, negative = moment.parts[0][1], moment.negative
    pooled = {"pooled_prompt_embeds": positive.pooled, "negative_pooled_prompt_embeds": negative.pooled}
    sized = {"width": SIDE, "height": SIDE} if task != "Img2Img" else {}
    return np.asarray(
        pipe(
            prompt_embeds=positive.embeds,
            negative_prompt_embeds=negative.embeds,
            num_inference_steps=recipe.steps,
            guidance_scale=recipe.guidance,
            generator=torch.Generator().manual_seed(recipe.seed),
            **(pooled if xl else {}),
            **sized,
            **pictures,
        ).images[0]
    )


@pytest.mark.parametrize("kind", ["sd15", "sdxl", "starter"])
@pytest.mark.parametrize(("task", "channels"), [("", 4), ("Img2Img", 4), ("Inpaint", 4), ("Inpaint", 9)])
def test_pixels_are_those_of_the_bare_pipeline(kits, picture, mask, kind, task, channels):
    kit = kits[kind] if channels == 4 else kits[kind].with_channels(channels)
    given = {"image": picture, "strength": 0.75} if task else {}
    given |= {"mask_image": mask} if task == "Inpaint" else {}
    recipe = {"": BASE, "Img2Img": FROM, "Inpaint": INSIDE}[task]
    inputs = sd.Inputs(picture if task else None, mask if task == "Inpaint" else None)
    ours, theirs = kit.paint(recipe, inputs), bare(kit, recipe, task, given)
    assert theirs.std() > 1
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("kind", ["sd15", "sdxl", "starter"])
@pytest.mark.parametrize("task", ["", "Img2Img", "Inpaint"])
@pytest.mark.parametrize("count", [1, 2])
def test_pixels_under_control_are_those_of_the_bare_pipeline(kits, picture, mask, kind, task, count):
    kit = kits[kind]
    nets = [tiny.controlnet(kind, seed) for seed in range(count)]
    controls = tuple((CONTROL.but(weight=0.8 - 0.3 * i), HINT) for i in range(count))
    several = [
        ("controlnet_conditioning_scale", [c.weight for c, _ in controls]),
        ("control_guidance_end", [c.end for c, _ in controls]),
        ("control_image" if task else "image", [HINT] * count),
    ]
    given = {name: values[0] if count == 1 else values for name, values in several}
    given |= {"image": picture, "strength": 0.75} if task else {}
    given |= {"mask_image": mask} if task == "Inpaint" else {}
    recipe = {"": BASE, "Img2Img": FROM, "Inpaint": INSIDE}[task]
    inputs = sd.Inputs(picture if task else None, mask if task == "Inpaint" else None, controls)
    ours = kit.paint(recipe, inputs, nets=nets)
    np.testing.assert_array_equal(ours, bare(kit, recipe, f"ControlNet{task}", given, nets))
    assert not np.array_equal(ours, kit.paint(recipe, replace(inputs, controls=())))


@pytest.mark.parametrize("kind", ["sd15", "sdxl"])
def test_a_part_of_weight_one_changes_nothing_and_a_second_part_does(kits, kind):
    kit = kits[kind]
    plain = kit.paint(BASE)
    one, two = words(kind, 1), words(kind, 3)
    negative = kit.conditioning.negative
    switched_nowhere = Conditioning(((1.0, ((2, one), (20, one))),), negative)
    np.testing.assert_array_equal(kit.paint(BASE, conditioning=switched_nowhere), plain)
    with_nothing = Conditioning(((1.0, ((20, one),)), (0.0, ((20, two),))), negative)
    assert np.abs(kit.paint(BASE, conditioning=with_nothing).astype(int) - plain).max() <= 1
    both = Conditioning(((1.0, ((20, one),)), (0.7, ((20, two),))), negative)
    assert not np.array_equal(kit.paint(BASE, conditioning=both), plain)
    doubled = Conditioning(((2.0, ((20, one),)),), negative)
    stronger = kit.paint(BASE.but(guidance=8.0))
    assert np.abs(kit.paint(BASE, conditioning=doubled).astype(int) - stronger).max() <= 1
    assert not kit.parts.unet._forward_hooks
    assert not kit.parts.unet._forward_pre_hooks


def test_and_reaches_the_controlnet_and_guidance_one_still_composes(kits):
    kit = kits["sdxl"]
    both = Conditioning(
        ((1.0, ((20, words("sdxl", 1)),)), (0.7, ((20, words("sdxl", 3)),))), kit.conditioning.negative
    )
    net = tiny.controlnet("sdxl")
    under = kit.paint(BASE, sd.Inputs(controls=((CONTROL, HINT),)), both, [net])
    assert not np.array_equal(under, kit.paint(BASE, conditioning=both))
    unguided = BASE.but(guidance=1.0)
    assert not np.array_equal(kit.paint(unguided, conditioning=both), kit.paint(unguided))


def test_a_text_changes_at_its_step(kits):
    kit = kits["sd15"]
    one, two = words("sd15", 1), words("sd15", 3)
    negative = kit.conditioning.negative

    def latents_after(track):
        seen = []
        kit.paint(
            BASE, conditioning=Conditioning(((1.0, track),), negative), on_step=lambda i, n, x: seen.append(x)
        )
        return seen

    whole, changed = latents_after(((4, one),)), latents_after(((2, one), (4, two)))
    assert torch.equal(whole[1], changed[1])
    assert not torch.equal(whole[2], changed[2])
    assert torch.equal(changed[0], latents_after(((1, one), (4, two)))[0])


@pytest.mark.parametrize("name", ["Heun", "Euler a", "DDIM", "PLMS", "UniPC", "LCM", "DEIS", "DPM++ SDE"])
def test_steps_are_told_in_order_and_stop_ends_at_once(kits, name):
    kit, told = kits["starter"], []
    recipe = BASE.but(sampler=name, schedule="Automatic")
    kit.paint(recipe, on_step=lambda i, n, x: told.append((i, n, x.isfinite().all().item())))
    assert [i for i, _, _ in told] == list(range(1, told[-1][1] + 1))
    assert all(ok for _, _, ok in told)
    calls = []

    def stop(i, n, latents):
        calls.append(i)
        if i == 2:
            raise Stopped("stopped")

    with pytest.raises(Stopped):
        kit.paint(recipe, on_step=stop)
    assert calls == [1, 2]


def test_the_seed_alone_decides(kits):
    kit = kits["starter"]
    first = kit.paint(BASE)
    torch.manual_seed(99)
    np.testing.assert_array_equal(first, kit.paint(BASE))
    assert not np.array_equal(first, kit.paint(BASE.but(seed=12)))
    for name in ("DPM++ 2M", "DPM++ SDE"):
        kit.paint(BASE.but(seed=2**64 - 1, sampler=name, schedule="Automatic"))


@pytest.mark.parametrize("name", ["DPM++ 2M", "Euler a"])
def test_the_seeds_own_noise_paints_the_same_and_other_noise_does_not(kits, name):
    kit, recipe = kits["starter"], BASE.but(sampler=name, schedule="Automatic")
    drawn = sd.draw_noise(kit.family, recipe)
    other = sd.draw_noise(kit.family, recipe.but(seed=5))
    plain = kit.paint(recipe)
    assert not np.array_equal(kit.paint(recipe, sd.Inputs(noise=other)), plain)
    if name == "DPM++ 2M":
        np.testing.assert_array_equal(kit.paint(recipe, sd.Inputs(noise=drawn)), plain)


def test_a_strength_of_no_steps_gives_the_source_back(kits, picture):
    kit, told = kits["starter"], []
    recipe = FROM.but(source=Source(image=REF, strength=0.2))
    assert sd.steps_to_run(recipe) == 0
    assert sd.steps_to_run(BASE) == 4
    ours = kit.paint(recipe, sd.Inputs(picture), on_step=lambda *_: told.append(1))
    assert not told
    with torch.no_grad():
        coded = kit.parts.vae.encode(
            torch.tensor(np.asarray(picture) / 127.5 - 1).float().permute(2, 0, 1)[None]
        ).latent_dist.mode()
        again = kit.parts.vae.decode(coded).sample[0].permute(1, 2, 0)
    expected = ((again / 2 + 0.5).clamp(0, 1) * 255).round()
    assert np.abs(ours - expected.numpy()).max() <= 1


def test_an_inpainting_model_also_paints_without_a_mask(kits, picture):
    kit = kits["sd15"].with_channels(9)
    assert kit.paint(BASE).shape == (SIDE, SIDE, 3)
    assert kit.paint(FROM, sd.Inputs(picture)).shape == (SIDE, SIDE, 3)


def test_control_pictures_and_networks_come_in_pairs(kits):
    with pytest.raises(BadInput, match="ControlNet"):
        kits["sd15"].paint(BASE, sd.Inputs(controls=((CONTROL, HINT),)))


def test_not_a_number_is_no_black_picture(kits):
    kit = kits["sd15"]
    with pytest.raises(BlackPicture):
        sd.decode(kit.family, torch.full((1, 4, 8, 8), float("nan")), kit.parts.vae)


@pytest.mark.parametrize("kind", ["sd15", "sdxl"])
def test_half_precision_paints_too(kits, picture, mask, kind):
    kit, nets = kits[kind], (copy.deepcopy(tiny.controlnet(kind)).bfloat16(),)
    parts = replace(
        kit.parts,
        unet=copy.deepcopy(kit.parts.unet).bfloat16(),
        vae=copy.deepcopy(kit.parts.vae).bfloat16(),
        controlnets=nets,
    )
    said = Conditioning(
        ((1.0, ((20, words(kind, 1)),)), (0.5, ((20, words(kind, 3)),))), kit.conditioning.negative
    )
    inputs = sd.Inputs(picture, mask, ((CONTROL, HINT),))
    latents = sd.denoise(kit.family, INSIDE, said, parts, inputs, lambda i, n, x: None)
    assert latents.dtype == parts.vae.dtype == torch.bfloat16
    full = kit.paint(INSIDE, inputs, said, [tiny.controlnet(kind)]).astype(float)
    assert np.abs(np.asarray(sd.decode(kit.family, latents, parts.vae)) - full).mean() < 8


def test_the_scheduler_comes_from_the_model(kits):
    made, _ = scheduler("DPM++ 2M", "Trailing", kits["starter"].parts.scheduler_base, 20)
    assert made.config.prediction_type == "v_prediction"
