"""What other programs' settings mean here; whole files of theirs are read in `test_metadata`."""

import pytest

from studio import foreign
from studio.foreign import from_comfyui, from_fooocus, from_invokeai, sampler_and_schedule, understood
from studio.recipe import Recipe
from studio.samplers import resolve


@pytest.mark.parametrize(
    ("sampler", "schedule", "ours"),
    [
        ("Euler a", None, ("Euler a", "Automatic")),
        ("euler A", "karras", ("Euler a", "Karras")),
        ("DPM++ 2M Karras", None, ("DPM++ 2M", "Karras")),
        ("DPM++ 2M SDE Exponential", None, ("DPM++ 2M SDE", "Exponential")),
        ("DPM++ 2M SDE", "SGM Uniform", ("DPM++ 2M SDE", "SGM Uniform")),
    ],
)
def test_names_are_read_as_a1111_writes_and_wrote_them(sampler, schedule, ours):
    chosen, warnings = sampler_and_schedule(sampler, schedule)
    assert (chosen["sampler"], chosen["schedule"]) == ours
    assert warnings == ()


def test_a_name_that_is_not_known_here_is_said_and_left_out():
    chosen, (said,) = sampler_and_schedule("Restart", "Karras")
    assert (chosen, "Restart" in said) == ({}, True)
    chosen, (said,) = sampler_and_schedule("DDIM", "Karras")
    assert (chosen, "Karras" in said) == ({"sampler": "DDIM", "schedule": "Automatic"}, True)
    for nothing in (None, "", 7, ["Euler"]):
        assert sampler_and_schedule(nothing) == ({}, ())


@pytest.mark.parametrize("names", [foreign._COMFY_SAMPLERS, foreign._INVOKE_SAMPLERS])
def test_every_sampler_in_the_tables_exists_here(names):
    for ours in names.values():
        assert resolve(ours)[0].title == ours


def test_every_schedule_in_the_tables_exists_here():
    for ours in foreign._COMFY_SCHEDULES.values():
        assert resolve("Euler", ours)[1] == ours


def test_sound_values_are_taken_sides_are_rounded_and_the_rest_is_said():
    partial, warnings = understood({"width": 500, "height": 512, "steps": 20, "guidance": 99, "colour": 1})
    assert partial == {"width": 496, "height": 512, "steps": 20}
    assert len(warnings) == 3
    assert Recipe.of(partial).width == 496


@pytest.mark.parametrize("read", [from_comfyui, from_invokeai, from_fooocus])
@pytest.mark.parametrize(
    "nonsense", [None, [], "", 7, {}, {"1": None}, {"width": {}, "seed": [], "model": 3}]
)
def test_nonsense_gives_nothing_and_never_raises(read, nonsense):
    assert read(nonsense).partial == {}


def test_a_karras_ending_of_invokeai_is_a_schedule():
    partial = from_invokeai({"scheduler": "dpmpp_2m_sde_k", "positive_prompt": "a lake"}).partial
    assert partial == {"prompt": "a lake", "sampler": "DPM++ 2M SDE", "schedule": "Karras"}


def test_of_several_samplers_the_one_that_starts_from_noise_is_taken():
    graph = {
        "1": {"inputs": {"sampler_name": "euler", "positive": ["3", 0], "denoise": 0.3, "steps": 5}},
        "2": {"inputs": {"sampler_name": "heun", "positive": ["3", 0], "denoise": 1, "steps": 9}},
        "3": {"inputs": {"text": "a lake"}},
    }
    found = from_comfyui(graph)
    assert (found.partial["sampler"], found.partial["steps"], found.partial["prompt"]) == (
        "Heun",
        9,
        "a lake",
    )
    assert any("several samplers" in said for said in found.warnings)
