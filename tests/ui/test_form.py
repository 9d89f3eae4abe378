"""The form generator: components from fields, and back."""

import json
from typing import Annotated, Literal, get_args

import gradio as gr
import pytest
from pydantic import ConfigDict, Field

from studio.part import Part
from studio.recipe import ModelId, Recipe
from studio.samplers import SAMPLERS, SCHEDULES
from studio.ui.fields import bare, bound, is_picture, kind_of, limits
from studio.ui.form import Form
from studio.ui.words import read_catalogs

CHOICES = {
    "model": [("Starter", "starter")],
    "vae": [("The model's own", "")],
    "sampler": [(name, name) for name in SAMPLERS],
    "schedule": [(name, name) for name in SCHEDULES],
}


def form_of(part: type[Part] = Recipe, choices=CHOICES) -> Form:
    with gr.Blocks():
        form = Form(part, read_catalogs()["en"], choices, gr.Textbox(render=False))
        for path in form.entries:
            if not form.entries[path].group:
                form.place(path)
    return form


def held(form: Form, part: Part) -> dict:
    """What the components would hold after `write`, as Gradio hands it to a handler."""
    return json_round(form.write(part))


def json_round(values: dict) -> dict:
    return {component: json.loads(json.dumps(value)) for component, value in values.items()}


def test_every_scalar_field_of_the_recipe_has_a_component_with_its_bounds():
    form = form_of()
    for name, info in Recipe.model_fields.items():
        inner = bare(info.annotation)
        if is_picture(info):
            continue  # a digest, shown by the canvas
        if inner not in (int, float, str, bool) and not (len(get_args(inner)) > 1 and name == "emphasis"):
            continue
        component = form[name]
        assert component.label, name
        low, high = limits(info)
        if isinstance(component, gr.Slider):
            assert (component.minimum, component.maximum) == (low, high), name
            assert component.step == (bound(info, "multiple_of") or component.step)
        else:
            assert name in {"prompt", "negative", "model", "vae", "sampler", "schedule", "seed", "emphasis"}
    assert isinstance(form["width"], gr.Slider)
    assert form["width"].step == 8
    assert isinstance(form["seed"], gr.Textbox), "a browser's numbers would lose digits of a seed"
    assert {value for _, value in form["emphasis"].choices} == {"original", "no norm", "ignore", "none"}


class Glaze(Part):
    """A thin layer over the picture."""

    model_config = ConfigDict(title="Glaze")
    kind: Literal["glaze"] = "glaze"
    coats: int = Field(2, ge=1, le=9, title="Coats", description="How many.")


class Wax(Part):
    """Wax."""

    kind: Literal["wax"] = "wax"
    warm: bool = Field(False, title="Warm")


class Frame(Part):
    """A frame."""

    wide: float = Field(0.5, ge=0, le=1, title="Wide")
    deep: float | None = Field(None, ge=0, le=1, title="Deep")
    made_by: ModelId = Field("anna", title="Made by")


class Wider(Recipe):
    """A recipe with what a later day may add: nothing but these fields."""

    brush: Literal["hair", "bristle"] = Field("hair", title="Brush", description="Which brush.")
    drying: bool = Field(False, title="Drying")
    wetness: float = Field(0.3, ge=0, le=1, title="Wetness")
    motto: str = Field("", max_length=40, title="Motto")
    frame: Frame | None = Field(None, title="Frame")
    finish: tuple[Annotated[Glaze | Wax, Field(discriminator="kind")], ...] = ()


def test_a_new_field_appears_by_itself():
    form = form_of(Wider)
    assert isinstance(form["brush"], gr.Radio)
    assert isinstance(form["drying"], gr.Checkbox)
    assert isinstance(form["wetness"], gr.Slider)
    assert isinstance(form["motto"], gr.Textbox)
    assert (form["brush"].label, form["brush"].info) == ("Brush", "Which brush.")
    assert form["finish.glaze"].label == "Glaze"
    assert (form["finish.glaze.coats"].maximum, form["finish.wax.warm"].label) == (9, "Warm")
    assert isinstance(form["frame"], gr.Checkbox)
    assert form["frame.wide"].maximum == 1


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"brush": "bristle", "drying": True, "motto": "山水", "wetness": 1.0},
        {"frame": {"wide": 0.25}},
        {"frame": {"deep": 0.5, "made_by": "ben"}},
        {"finish": ({"kind": "glaze", "coats": 5}, {"kind": "wax", "warm": True})},
        {"finish": ({"kind": "wax"},)},
        {"finish": ({"kind": "wax"}, {"kind": "glaze"})},
        {"finish": ({"kind": "glaze"}, {"kind": "glaze", "coats": 9})},
        {"finish": ({"kind": "wax"}, {"kind": "glaze"}, {"kind": "wax", "warm": True})},
        {"post": ({"kind": "clahe", "clip": 3.5},), "vae": "some/vae", "seed": 2**64 - 1},
        {
            "loras": ({"model": "ink", "unet": 0.6},),
            "source": {"image": "a" * 64},
            "mask": {"image": "b" * 64},
        },
        {"prompt": 'quotes " and 换行\nand emoji 🖌', "width": 64, "height": 4096, "steps": 150},
    ],
)
def test_what_is_written_into_the_form_is_read_back_whole(changes: dict):
    form = form_of(Wider)
    recipe = Wider.of({"prompt": "a lake", **changes})
    assert Wider.of(form.read(held(form, recipe))) == recipe


def test_a_chain_that_is_switched_off_is_read_as_no_steps():
    form = form_of()
    assert form.read(held(form, Recipe()))["post"] == ()


def test_a_chain_in_another_order_is_shown_by_its_switches_and_its_order():
    form = form_of()
    values = held(form, Recipe.of({"post": ({"kind": "grain"}, {"kind": "tone"})}))
    assert (values[form["post.grain"]], values[form["post.tone"]]) == (True, True)
    assert values[form["post"]] == "upscale faces match clahe grain tone sharpen", "the rest where it was"
    assert values[form.carrier] == "{}"
    values[form["post.sharpen"]] = True
    assert [step["kind"] for step in form.read(values)["post"]] == ["grain", "tone", "sharpen"]
    assert held(form, Recipe.of({"post": ({"kind": "tone"}, {"kind": "grain"})}))[form["post"]] == ""


@pytest.mark.parametrize("said", ["", "grain oil tone tone", None, 7])
def test_an_order_that_is_spoilt_or_of_another_day_leaves_no_step_out(said):
    form = form_of()
    values = {**held(form, Recipe()), form["post"]: said}
    kinds = [path.removeprefix("post.") for path in form.entries if path.startswith("post.")]
    switches = [kind for kind in kinds if "." not in kind]
    found = form.read({**values, **{form[f"post.{kind}"]: True for kind in switches}})["post"]
    assert sorted(step["kind"] for step in found) == sorted(switches)


def test_what_the_form_cannot_show_is_carried_and_can_be_taken_away():
    form = form_of()
    recipe = Recipe(source={"image": "a" * 64}, loras=({"model": "ink"},))
    values = held(form, recipe)
    assert set(json.loads(values[form.carrier])) == {"source", "loras"}
    values[form.carrier] = "{}"
    assert form.read(values).keys() & {"source", "loras"} == set()


@pytest.mark.parametrize("spoilt", ["", "no json", "[1]", "[" * 10**5, None])
def test_a_spoilt_carrier_carries_nothing(spoilt):
    form = form_of()
    values = {**held(form, Recipe(prompt="a lake")), form.carrier: spoilt}
    assert Recipe.of(form.read(values)).prompt == "a lake"


def test_of_a_kept_form_only_what_fits_is_recalled():
    form = form_of()
    kept = {
        "prompt": "half a sent", "steps": 7, "guidance": "much", "width": 10**6, "emphasis": "loud",
        "seed": "abc", "post.clahe": True, "nothing": 1, "height": True, "carried": 5,
    }  # fmt: skip
    found = {
        path: value for path in form.entries for c, value in form.recall(kept).items() if c is form[path]
    }
    assert found == {"prompt": "half a sent", "steps": 7, "seed": "abc", "post.clahe": True}


def test_the_form_speaks_every_language_and_falls_back_to_the_fields_own_words():
    form = form_of(Wider)
    said = form.relabel(read_catalogs()["zh-CN"])
    assert said[form["steps"]]["label"] == "步数"
    assert said[form["emphasis"]]["choices"][3] == ("不解析", "none")
    assert said[form["motto"]]["label"] == "Motto"


def test_a_picture_is_no_text_to_type():
    assert kind_of(Recipe.model_fields["source"], False) == ""
    assert "source" not in form_of().entries
