"""Infotext is read and written as the programs that invented it do."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio import infotext
from studio.foreign import recipe_from_infotext
from studio.infotext import parse_infotext, quote, read_infotext, unquote, write_infotext, write_line
from studio.recipe import Control, Hires, Lora, Mask, Recipe, Source

VECTORS = json.loads((Path(__file__).parent / "vectors" / "infotext_vectors.json").read_text("utf-8"))
DEFAULTS = VECTORS["meta"]["defaults_added_when_missing"]


@pytest.mark.parametrize("vector", VECTORS["parse"], ids=lambda v: v["name"])
def test_every_recorded_text_is_read_the_same(vector: dict[str, Any]):
    assert parse_infotext(vector["input"]) == vector["expected"]


def test_the_recorded_defaults_are_ours():
    assert dict(infotext.DEFAULTS) == DEFAULTS


@pytest.mark.parametrize("vector", VECTORS["quote"], ids=lambda v: repr(v["value"]))
def test_every_recorded_value_is_quoted_the_same(vector: dict[str, Any]):
    written = quote(vector["value"])
    assert (type(written), written) == (type(vector["written"]), vector["written"])


@pytest.mark.parametrize("vector", VECTORS["unquote"], ids=lambda v: repr(v["text"]))
def test_every_recorded_text_is_unquoted_the_same(vector: dict[str, Any]):
    assert unquote(vector["text"]) == vector["value"]


@pytest.mark.parametrize("vector", VECTORS["write_line"], ids=lambda v: v["line"][:20])
def test_every_recorded_line_is_written_the_same(vector: dict[str, Any]):
    assert write_line(vector["params"]) == vector["line"]


def named(name: str) -> str:
    return next(v["input"] for v in VECTORS["parse"] if v["name"] == name)


def test_our_reader_decodes_json_values():
    found = read_infotext(named("Civitai extension Hashes key"))
    assert found["Hashes"] == {"vae": "735e4c3a44", "lora:add_detail": "7c6bad76eb", "model": "6ce0161689"}
    assert "lora" not in found
    assert found["Version"] == "v1.6.0"


def test_our_reader_finds_the_settings_in_front_of_a_template():
    found = read_infotext(named("template after parameters (Dynamic Prompts)"))
    assert (found["Prompt"], found["Negative prompt"], found["Steps"]) == ("a red cat", "dog", "20")
    assert found["Template"] == "a {red|blue} cat"
    assert found["Negative Template"] == "dog"


def test_our_reader_leaves_a_prompt_with_three_colons_alone():
    text = named("prompt only but looks like parameters")
    assert read_infotext(text) == {"Prompt": text, "Negative prompt": ""}


QUIRKS = {
    "Civitai extension Hashes key",
    "template after parameters (Dynamic Prompts)",
    "prompt only but looks like parameters",
}


@pytest.mark.parametrize(
    "vector", [v for v in VECTORS["parse"] if v["name"] not in QUIRKS], ids=lambda v: v["name"]
)
def test_our_reader_agrees_wherever_there_is_no_quirk(vector: dict[str, Any]):
    assert read_infotext(vector["input"]) == vector["expected"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "x\nSteps: 1, Seed: 2, Note: , Size: 8x8",
            {"Steps": "1", "Seed": "2", "Size-1": "8", "Size-2": "8"},
        ),
        ('x\nSteps: 1, Seed: 2, Note: ""', {"Steps": "1", "Seed": "2", "Note": ""}),
        ('x\nSteps: 1, Seed: 2, Note: "a" b', {"Steps": "1", "Seed": "2", "Note": '"a" b'}),
        ('x\nSteps: 1, Seed: 2, Note: "open, Z', {"Steps": "1", "Seed": "2", "Note": '"open'}),
        ("x\nSteps: 1, Seed: 2, -a b/c-d: 3, q: 4", {"Steps": "1", "Seed": "2", "a b/c-d": "3"}),
    ],
)
def test_the_corners_of_the_line_grammar(text: str, expected: dict[str, str]):
    assert parse_infotext(text) == {**expected, "Prompt": "x", "Negative prompt": ""}


def test_half_a_surrogate_pair_never_comes_out():
    found = parse_infotext('x\nSteps: 1, Seed: 2, Hires prompt: "a, \\ud83d"')
    assert found["Hires prompt"].encode("utf-8").decode("utf-8") == "a, \ufffd"


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300) | st.text('ab:,"\\{[]}\n SNteps', max_size=300))
def test_any_text_is_read_without_an_exception(text: str):
    for found in (parse_infotext(text), read_infotext(text)):
        assert isinstance(found["Prompt"], str)
        assert isinstance(found["Negative prompt"], str)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.from_regex(r"\A[A-Z][a-z]{2,9}( [a-z]{1,5})?\Z"), st.text(max_size=40), min_size=4))
def test_a_written_line_is_read_back(pairs: dict[str, str]):
    wanted = {
        k: v
        for k, v in pairs.items()
        # what the format itself cannot hold: outer white space, raw quotes, sizes, control characters
        if v and v == v.strip() and not re.fullmatch(r"\d+x\d+", v) and '"' not in v and v.isprintable()
    } | {"Steps": "1", "Seed": "2", "Sampler": "Euler"}
    found = parse_infotext("Prompt\n" + write_line(wanted))
    assert {k: found[k] for k in wanted if k in found} == {k: v for k, v in wanted.items() if k in found}
    assert set(wanted) - set(found) <= {k for k, v in wanted.items() if k == v} | set(DEFAULTS)


HOSTILE = [
    "a" * 4000,
    "a: " * 1500,
    'aa: "' * 900,
    'aa:"\\",' * 700,
    "aa: [" * 900,
    'aa:["' * 900,
    "aa: " + "[" * 4000,
    " " * 4000 + ":",
    "[[(((" * 900,
]


@pytest.mark.parametrize("unit", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("reader", [parse_infotext, read_infotext])
def test_reading_takes_steps_in_proportion_to_the_text(unit: str, reader: Any):
    def steps(text: str) -> int:
        count = 0

        def trace(frame: Any, event: str, arg: Any) -> Any:
            nonlocal count
            count += 1
            return trace

        sys.settrace(trace)
        try:
            reader(text)
        finally:
            sys.settrace(None)
        return count

    once, twice = steps("Steps: 1, Seed: 2, " + unit), steps("Steps: 1, Seed: 2, " + unit * 2)
    assert twice < 2.5 * once + 500


def test_broken_json_is_not_tried_for_ever(monkeypatch):
    tried: list[int] = []
    decode = json.JSONDecoder.raw_decode
    monkeypatch.setattr(
        json.JSONDecoder, "raw_decode", lambda self, text, at=0: tried.append(at) or decode(self, text, at)
    )
    found = read_infotext("x\nSteps: 1, Seed: 2, " + "aa: [, " * 5_000 + 'Hashes: {"a": "b"}')
    assert len(tried) <= 20
    assert found["Steps"] == "1"


FACTS = {"model": {"id": "starter", "sha256": "0123456789abcdef" * 4}}


def test_a_recipe_is_written_in_the_order_others_write():
    digest = "0" * 64
    recipe = Recipe(
        prompt="一叶扁舟 🎨",
        negative="fog, text",
        model="sub/paint, er",
        seed=2**64 - 1,
        width=256,
        height=512,
        clip_skip=2,
        emphasis="no norm",
        loras=(Lora(model="x/ink", unet=0.5, text=0.5), Lora(model="wash", unet=1, text=0)),
        source=Source(image=digest, strength=0.4),
        mask=Mask(image=digest, blur=8),
        controls=(Control(image=digest, model="scribble", hint="canny", end=0.5),),
    )
    assert write_infotext(recipe, FACTS).split("\n") == [
        "一叶扁舟 🎨 <lora:ink:0.5> <lora:wash:0.0:1.0>",
        "Negative prompt: fog, text",
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Automatic, CFG scale: 7.0, Seed: 18446744073709551615, "
        'Size: 256x512, Model hash: 0123456789, Model: "paint, er", Denoising strength: 0.4, Clip skip: 2, '
        "RNG: CPU, Mask blur: 8, Emphasis: No norm, "
        'ControlNet 0: "Module: canny, Model: scribble, Weight: 1.0, '
        'Guidance Start: 0.0, Guidance End: 0.5", '
        f"Version: Inkstone {infotext.__version__}",
    ]


def test_an_empty_recipe_is_one_line():
    assert write_infotext(Recipe(), {}).startswith("Steps: 20, Sampler: DPM++ 2M,")
    assert "Model hash" not in write_infotext(Recipe(), {})


def test_a_high_res_fix_is_written_and_read_in_the_words_of_a1111():
    asked = Hires(
        upscaler="latent (nearest)",
        scale=1.5,
        steps=7,
        strength=0.4,
        prompt="snow",
        sampler="Euler",
        guidance=4,
    )
    recipe = Recipe(prompt="x", seed=1, hires=asked)
    found = read_infotext(write_infotext(recipe, {}))
    assert found["Hires upscale"] == "1.5"
    assert found["Hires upscaler"] == "Latent (nearest-exact)"
    assert found["Denoising strength"] == "0.4"
    partial, warnings = recipe_from_infotext(found)
    assert Recipe.of(partial).hires == asked
    assert not warnings


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("upscale: 2, Hires upscaler: R-ESRGAN 4x+", {"upscaler": "RealESRGAN_x4plus"}),
        ("resize: 768x0, Hires upscaler: Latent (bicubic)", {"upscaler": "latent (bilinear)", "width": 768}),
        ("upscale: 2, Hires steps: 5, Hires upscaler: 4x-Ultra", {"upscaler": "4x-Ultra", "steps": 5}),
    ],
)
def test_other_programs_high_res_fixes_are_understood(said: str, expected: dict[str, Any]):
    text = f"x\nSteps: 20, Sampler: Euler, Seed: 1, Size: 512x512, Denoising strength: 0.3, Hires {said}"
    partial, _ = recipe_from_infotext(read_infotext(text))
    assert Recipe.of(partial).hires == Hires(strength=0.3, **expected)


def test_an_exact_size_and_a_checkpoint_are_written_in_the_words_of_a1111_too():
    asked = Hires(upscaler="lanczos", width=768, height=640, strength=0.3, model="inks/dark")
    found = read_infotext(write_infotext(Recipe(prompt="x", seed=1, hires=asked), {}))
    assert (found["Hires resize-1"], found["Hires resize-2"]) == ("768", "640")
    assert "Hires upscale" not in found
    assert found["Hires checkpoint"] == "dark"
    partial, warnings = recipe_from_infotext(found)
    assert Recipe.of(partial).hires == asked.but(model="")  # another studio's name for it means nothing
    assert any("checkpoint" in said for said in warnings)


def test_a_high_res_fix_that_is_too_large_is_left_out_and_said():
    text = "x\nSteps: 20, Sampler: Euler, Seed: 1, Size: 2048x2048, Hires upscale: 4"
    partial, warnings = recipe_from_infotext(read_infotext(text))
    assert "hires" not in partial
    assert any("smaller scale" in said for said in warnings)


def test_a_mask_is_told_in_the_words_of_other_programs():
    digest = "a" * 64
    mask = Mask(image=digest, blur=8, fill="noise", region="masked", padding=48, invert=True)
    told = parse_infotext(write_infotext(Recipe(seed=1, source=Source(image=digest), mask=mask), {}))
    said = ("Mask mode", "Mask blur", "Inpaint area", "Masked area padding", "Masked content")
    assert [told[key] for key in said] == ["Inpaint not masked", "8", "Only masked", "48", "latent noise"]
    usual = write_infotext(Recipe(seed=1, source=Source(image=digest), mask=Mask(image=digest)), {})
    assert [key for key in said if key in parse_infotext(usual)] == ["Mask blur"]
