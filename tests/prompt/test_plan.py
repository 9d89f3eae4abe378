import pytest

from studio.prompt import NetworkUse, PlanPart, plan


def test_a_plan_holds_what_encoder_and_sampler_need():
    made = plan("# for Mei\n [a:(b:1.2):0.5] AND c:0.5 <lora:ink:0.8> # end", "blurry [x|y]", 4)
    assert made.positive == (PlanPart(1.0, ((2, "a"), (4, "(b:1.2)"))), PlanPart(0.5, ((4, " c"),)))
    assert made.negative == ((1, "blurry x"), (2, "blurry y"), (3, "blurry x"), (4, "blurry y"))
    assert made.networks == (NetworkUse("lora", "ink", 0.8, 0.8, None),)
    assert (made.steps, made.emphasis, made.warnings) == (4, "original", ())


def test_a_plain_prompt_is_one_part_for_all_steps():
    made = plan("a lone boat", "", 20)
    assert made.positive == (PlanPart(1.0, ((20, "a lone boat"),)),)
    assert made.negative == ((20, ""),)


def test_a_second_order_sampler_counts_twice():
    made = plan("[a:b:0.5] [c:3]", "", 10, second_order=True)
    assert made.steps == 20
    assert [until for until, _ in made.positive[0].schedule] == [3, 10, 20]


def test_the_second_pass_goes_on_where_the_first_ended():
    made = plan("[a:b:25] [c:d:1.5]", "[e:f:0.5]", 20, hires_steps=12)
    assert made.positive[0].schedule == ((5, "a c"), (6, "b c"), (12, "b d"))
    assert made.negative == ((12, "f"),)
    assert made.warnings == ()


@pytest.mark.parametrize(
    ("written", "use"),
    [
        ("<lora:ink>", NetworkUse("lora", "ink")),
        ("<lyco:ink:0.5>", NetworkUse("lora", "ink", 0.5, 0.5)),
        ("<lora:ink:0.5: 0.7:16>", NetworkUse("lora", "ink", 0.5, 0.7, 16)),
        ("<lora:ink:0.5:te=0.2:dyn=8>", NetworkUse("lora", "ink", 0.2, 0.2, 8)),
        ("<lora:ink:unet=0.2>", NetworkUse("lora", "ink", 1.0, 0.2)),
    ],
)
def test_a_lora_is_used_as_it_is_written(written, use):
    made = plan(f"a {written}", "", 10)
    assert made.networks == (use,)
    assert made.warnings == ()


@pytest.mark.parametrize(
    ("written", "uses", "warning"),
    [
        ("<hypernet:ink:1>", (), "no networks of the kind “hypernet”"),
        ("<lora:te=1>", (), "names no file"),
        ("<lora:ink:strong>", (NetworkUse("lora", "ink"),), "“strong” is not a number"),
        ("<lora:ink:nan:1e999>", (NetworkUse("lora", "ink"),), "“nan” is not a number"),
        ("<lora:ink:1:1:-4>", (NetworkUse("lora", "ink"),), "“-4” is not a number"),
        ("<lora:ink:99>", (NetworkUse("lora", "ink", 10, 10),), "beyond ±10"),
    ],
)
def test_a_network_that_cannot_be_used_is_named(written, uses, warning):
    made = plan(written, "", 10)
    assert made.networks == uses
    assert warning in " ".join(made.warnings)


@pytest.mark.parametrize(
    ("prompt", "negative", "warning"),
    [
        ("(a [b:1.2] c)", "", "[…:1.2] is a schedule"),
        ("[a:b:25]", "", "[…:25] is a schedule whose last text never appears"),
        ("(a BREAK b)", "", "BREAK inside of brackets"),
        ("", "[x:(a BREAK b):5]", "BREAK inside of brackets"),
        ("[a:b:5] | c", "", "A | outside"),
        ("[a:b|c:5]", "", "A | outside"),
        ("[a:b:5] \\\nc", "", "A backslash"),
        ("(a:100)", "", "Weights beyond ±10"),
        ("a:100 AND b", "", "Weights beyond ±10"),
        ("", "<lora:x:1>", "negative prompt is read as plain words"),
        ("", "a AND b", "AND in the negative prompt"),
    ],
)
def test_what_may_surprise_is_said_once(prompt, negative, warning):
    warnings = plan(prompt, negative, 20).warnings
    assert len(warnings) == 1
    assert warning in warnings[0]


@pytest.mark.parametrize(
    "prompt", ["a [b] c", "a | b", "a [b:0.8]", "a [b:c:5] BREAK [d|e]", "(a:1.2) \\(b\\)", "x:y", "a\\"]
)
def test_nothing_is_said_of_what_is_plain(prompt):
    assert plan(prompt, prompt, 20).warnings == ()


def test_literal_text_holds_no_break_and_no_weight():
    made = plan("(a BREAK b:100)", "", 20, emphasis="none")
    assert (made.emphasis, made.warnings) == ("none", ())


def test_and_is_held_to_the_limit():
    assert [part.weight for part in plan("a:100 AND b:-100", "", 5).positive] == [10, -10]
