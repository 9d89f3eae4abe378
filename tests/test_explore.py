"""Many pictures round one recipe."""

import pytest

from studio.errors import BadInput
from studio.explore import Axis, grid, leaf, matrix, numbers, travel, written
from studio.recipe import Recipe

BASE = {"prompt": "a red boat on a lake", "negative": "red sun", "seed": 5, "steps": 20}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1, 2,5", [1, 2, 5]), ("1-4", [1, 2, 3, 4]),
        ("1-10 (+3)", [1, 4, 7, 10]), ("1-10 [4]", [1, 4, 7, 10]),
        ("10-4 (+3)", [10, 7, 4]), ("8, 10-12 [2]; 30", [8, 10, 12, 30]), ("-1", [-1]), ("1-9[1]", [1]),
    ],
)  # fmt: skip
def test_numbers_are_listed_stepped_and_divided(text: str, found: list[int]):
    assert numbers(Axis(field="steps", values=text), whole=True) == found


def test_steps_of_a_tenth_stay_tenths():
    assert numbers(Axis(field="guidance", values="0-0.5 (+0.1)"), whole=False) == [0, 0.1, 0.2, 0.3, 0.4, 0.5]


@pytest.mark.parametrize("text", ["many", "1-9 (+0)", "1-999", "1e99", "nan", "1-9 [0]", "", ","])
def test_what_is_no_number_is_a_sentence(text: str):
    with pytest.raises(BadInput, match="steps"):
        grid(BASE, [Axis(field="steps", values=text)])


def test_words_are_parted_by_commas_or_lines():
    assert written('Euler, "DPM++ 2M", "a, b"') == ["Euler", "DPM++ 2M", "a, b"]
    assert written("a lake, mist\n\ntwo boats\n") == ["a lake, mist", "two boats"]


def test_three_axes_make_every_combination_x_fastest():
    made = grid(
        BASE,
        [
            Axis(field="steps", values="4, 8"),
            Axis(field="sampler", values="Euler, DDIM"),
            Axis(field="guidance", values="2, 3"),
        ],
    )
    assert made.axes == (("steps", ("4", "8")), ("sampler", ("Euler", "DDIM")), ("guidance", ("2.0", "3.0")))
    assert [(cell["steps"], cell["sampler"], cell["guidance"]) for cell in made.cells] == [
        (4, "Euler", 2), (8, "Euler", 2), (4, "DDIM", 2), (8, "DDIM", 2),
        (4, "Euler", 3), (8, "Euler", 3), (4, "DDIM", 3), (8, "DDIM", 3),
    ]  # fmt: skip
    assert all(Recipe.of(cell) for cell in made.cells)


@pytest.mark.parametrize(
    ("field", "values", "read"),
    [
        ("hires.scale", "1.5, 2", lambda r: r.hires.scale),
        ("post.clahe.clip", "2, 3", lambda r: r.post[0].clip),
        ("variation.strength", "0.2, 0.4", lambda r: r.variation.strength),
        ("tiling", "x, both", lambda r: r.tiling),
        ("source.strength", "0.3, 0.6", lambda r: r.source.strength),
        ("loras.0.unet", "0.5, 1", lambda r: r.loras[0].unet),
        ("prompt", "snow\nrain, mist", lambda r: r.prompt),
    ],
)
def test_any_field_can_be_an_axis(field: str, values: str, read):
    base = {**BASE, "source": {"image": "0" * 64}, "loras": [{"model": "ink"}]}
    made = grid(base, [Axis(field=field, values=values)])
    found = [read(Recipe.of(cell)) for cell in made.cells]
    assert [str(one) for one in found] == list(made.axes[0][1]) or field == "loras.0.unet"
    assert len(set(found)) == 2


def test_a_step_that_is_there_is_changed_and_not_doubled():
    base = {**BASE, "post": [{"kind": "clahe", "clip": 2.0, "amount": 0.5}]}
    cell = grid(base, [Axis(field="post.clahe.clip", values="3")]).cells[0]
    assert cell["post"] == [{"kind": "clahe", "clip": 3.0, "amount": 0.5}]


def test_words_are_searched_and_replaced_in_both_prompts():
    made = grid(BASE, [Axis(field="replace", values="red, blue, ")])
    assert [(cell["prompt"], cell["negative"]) for cell in made.cells] == [
        ("a red boat on a lake", "red sun"),
        ("a blue boat on a lake", "blue sun"),
        ("a  boat on a lake", " sun"),
    ]
    with pytest.raises(BadInput, match="first value"):
        grid(BASE, [Axis(field="replace", values="cat, dog")])


def test_a_prompt_matrix_has_every_choice_of_its_parts():
    assert matrix("a lake | mist | [snow|rain]") == [
        ("–", "a lake"),
        ("mist", "a lake, mist"),
        ("[snow|rain]", "a lake, [snow|rain]"),
        ("mist + [snow|rain]", "a lake, mist, [snow|rain]"),
    ]
    for prompt in ("a lake", "{a|b}", "|".join("abcdefghi")):
        with pytest.raises(BadInput, match="matrix"):
            matrix(prompt)


@pytest.mark.parametrize(
    "path",
    ["", "nothing", "steps.x", "source.image.x", "loras", "post.nothing.x", "hires", "controls.x.weight"],
)
def test_what_a_recipe_has_not_cannot_be_varied(path: str):
    with pytest.raises(BadInput, match="nothing to vary"):
        leaf(path)


@pytest.mark.parametrize("path", ["source.strength", "mask.blur", "controls.0.weight", "loras.0.unet"])
def test_a_part_that_needs_something_first_says_so(path: str):
    with pytest.raises(BadInput):
        grid(BASE, [Axis(field=path, values="1")])


def test_a_grid_has_bounds():
    with pytest.raises(BadInput, match="three"):
        grid(BASE, [Axis(field="steps", values="1")] * 4)
    with pytest.raises(BadInput, match="same"):
        grid(BASE, [Axis(field="steps", values="1")] * 2)
    with pytest.raises(BadInput, match="64"):
        grid(BASE, [Axis(field="seed", values="1-100")])
    many = [Axis(field=name, values="1-40") for name in ("steps", "seed", "clip_skip")]
    with pytest.raises(BadInput, match="64000 pictures"):
        grid(BASE, many)
    assert grid(BASE, []).cells == (BASE,)


def test_a_travel_is_made_of_ordinary_recipes_from_end_to_end():
    start, end = Recipe(prompt="snow", seed=1), Recipe(prompt="rain", negative="sun", seed=2)
    way = travel(start, end, 5)
    assert (way[0], way[-1]) == (start, end)
    assert way[1].prompt == "snow :0.75 AND rain :0.25"
    assert [frame.variation and frame.variation.strength for frame in way] == [None, 0.25, 0.5, 0.75, None]
    assert [frame.negative for frame in way] == ["", "", "sun", "sun", "sun"]
    alike = travel(start, start.but(seed=9), 3)
    assert {frame.prompt for frame in alike} == {"snow"}
    for wrong in (end.but(steps=3), end.but(width=64)):
        with pytest.raises(BadInput, match="alike"):
            travel(start, wrong, 4)
    with pytest.raises(BadInput, match="2 to 64"):
        travel(start, end, 1)
