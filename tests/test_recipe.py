import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.cli.command import assignments
from studio.errors import BadInput
from studio.part import Part
from studio.recipe import Hires, Recipe

A, B = "a" * 64, "b" * 64


def parts(of: type[Part]) -> list[type[Part]]:
    """The class and every Part its fields can hold."""
    found = [of]
    for field in of.model_fields.values():
        stack = [field.annotation]
        while stack:
            kind = stack.pop()
            stack.extend(getattr(kind, "__args__", ()))
            if isinstance(kind, type) and issubclass(kind, Part) and kind not in found:
                found += [p for p in parts(kind) if p not in found]
    return found


def test_a_recipe_travels_through_json_and_comes_back_equal():
    recipe = Recipe(
        prompt="山水 (mist:1.2)",
        seed=2**64 - 1,
        source={"image": A, "strength": 0.4},
        mask={"image": B},
        controls=({"image": A, "model": "starter", "start": 0.1, "end": 0.9},),
        post=({"kind": "clahe", "clip": 3},),
        loras=({"model": "ink"},),
    )
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert recipe.images == (A, B)


@given(
    prompt=st.text(max_size=300),
    steps=st.integers(1, 150),
    guidance=st.floats(1, 30),
    seed=st.integers(0, 2**64 - 1),
    side=st.integers(8, 512).map(lambda n: n * 8),
)
def test_any_recipe_within_bounds_comes_back_equal(
    prompt: str, steps: int, guidance: float, seed: int, side: int
):
    recipe = Recipe(prompt=prompt, steps=steps, guidance=guidance, seed=seed, width=side, height=side)
    assert Recipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steps", 0),
        ("steps", 151),
        ("guidance", 0.5),
        ("guidance", float("nan")),
        ("guidance", float("inf")),
        ("width", 63),
        ("width", 100),
        ("width", 4104),
        ("seed", -2),
        ("seed", 2**64),
        ("prompt", "x" * 10_001),
        ("prompt", "x" * 1_000_000),
        ("model", "a\x00b"),
        ("source", {"image": "../../etc/passwd"}),
        ("controls", [{"image": A, "model": "m", "start": 0.9, "end": 0.1}]),
        ("mask", {"image": A}),
        ("stpes", 20),
        ("version", 2),
    ],
)
def test_what_is_out_of_bounds_is_refused_with_a_sentence_that_names_the_field(field: str, value: object):
    with pytest.raises(BadInput) as refused:
        Recipe.of({field: value})
    assert len(str(refused.value)) < 300
    if field != "mask":
        assert field in str(refused.value)


def test_a_high_res_fix_is_one_assignment_on_the_command_line():
    recipe = Recipe.of(assignments(["hires.scale=2"]))
    assert recipe.hires is not None
    assert recipe.hires.size(512, 320) == (1024, 640)
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert Hires(width=768).size(512, 320) == (768, 480)
    assert Hires(height=640).size(512, 320) == (1024, 640)
    exact = Hires(width=768, height=768)
    assert (exact.size(512, 320), exact.cover(512, 320)) == ((768, 768), (1232, 768))
    assert not Hires(width=768, height=480).crops(512, 320)
    assert Recipe.of({"hires": {"strength": ""}}) == Recipe.of({"hires": {}})  # a form's empty line


def test_a_seed_from_a_browser_may_be_text():
    assert Recipe.of({"seed": "18446744073709551615"}).seed == 2**64 - 1
    assert Recipe.of({"seed": "-1"}).seed == -1


def test_minus_one_becomes_a_real_seed_once():
    drawn = Recipe().seeded()
    assert 0 <= drawn.seed < 2**32
    assert drawn.seeded() == drawn


def test_a_batch_counts_its_seeds_up_and_wraps():
    assert [r.seed for r in Recipe(seed=2**64 - 1).batch(3)] == [2**64 - 1, 0, 1]
    drawn = Recipe().batch(4)
    assert [r.seed - drawn[0].seed for r in drawn] == [0, 1, 2, 3]


def test_every_field_a_painter_sees_has_a_title():
    for part in parts(Recipe):
        for name, field in part.model_fields.items():
            assert field.title or name in ("image", "kind"), f"{part.__name__}.{name}"
