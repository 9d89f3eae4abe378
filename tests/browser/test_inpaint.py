"""What is set in the form or done with a result, in a real Chromium, is in the recipes of the jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from easel import drag, picture
from halls import models_folder, page_of, studio_at
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from studio import images, metadata
from studio.recipe import Recipe, Variation
from studio.studio import Studio

PROMPT = "#field-prompt textarea"
FILLS = {
    "fill (blurred surroundings)": "blur",
    "original": "original",
    "latent noise": "noise",
    "latent nothing": "empty",
}
TILING = {"Sideways": "x", "Upright": "y", "Both": "both", "Off": ""}
STYLES = """name,prompt,negative_prompt
Old silk,"{prompt}, on old silk",paper
,nothing of a name,
"""
TILES = "[...document.querySelectorAll('.tile')].map(tile => tile.dataset.job)"
FINISHED = """old => {
  const tiles = [...document.querySelectorAll('.tile')];
  return tiles.length && tiles.every(one => one.dataset.kind === 'done' && !old.includes(one.dataset.job))
    && !document.body.matches('.painting, .sending, .gathering');
}"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("inpaint")
    with studio_at(root / "data", models_folder(root / "models")) as studio:
        yield studio


@pytest.fixture(scope="module")
def opened(chromium: Browser, studio: Studio) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    with page_of(studio) as server:
        page.goto(server.url)
        page.wait_for_selector("body.ready")
        page.wait_for_function("inkstone.ready && inkstone.form && inkstone.canvas.size().length === 2")
        page.evaluate("inkstone.tab('txt2img')")
        page.click("#advanced .label-wrap")
        number(page, "#field-steps", 2)
        number(page, "#count", 1)
        yield page
        context.close()
    assert faults == []


@pytest.fixture
def page(opened: Page) -> Page:
    """The page in txt2img, asking for one lake of seed 5."""
    opened.keyboard.press("Escape")
    opened.evaluate("inkstone.tab('txt2img'); document.querySelector('.explore').open = true")
    for axis in range(3):
        opened.locator(".axis select").nth(axis).select_option("")
    opened.fill(PROMPT, "a lake")
    opened.fill("#field-seed textarea, #field-seed input", "5")
    return opened


def number(page: Page, field: str, value: float) -> None:
    box = page.locator(f"{field} input[type=number]")
    box.fill(str(value))
    box.blur()


def choose(page: Page, field: str, option: str) -> None:
    page.locator(field).get_by_label(option, exact=True).check()


def painted(page: Page, studio: Studio, press: str = "#paint") -> list[Recipe]:
    """Presses what paints; the recipes that the pictures' own files tell, in the order of the stage."""
    old = page.evaluate(TILES)
    page.click(press)
    page.wait_for_function(FINISHED, arg=old)
    found = page.evaluate("[...document.querySelectorAll('.tile')].map(tile => tile.dataset.picture)")
    recipes = [metadata.read_file(studio.gallery.read(studio.painters.owner(), one)).recipe for one in found]
    assert all(recipes), "each file carries its recipe"
    return [one for one in recipes if one]


# --- behind a mask


@pytest.fixture
def masked(page: Page) -> Page:
    """In img2img: a grey picture, and a veil across its middle."""
    page.evaluate("inkstone.tab('img2img')")
    page.wait_for_selector(".c-sheet")
    page.evaluate("inkstone.canvas.clear()")
    picture(page, images.encode_png(Image.new("RGB", (256, 256), (90, 120, 150))), "drop")
    page.wait_for_function("inkstone.canvas.drawing().layers.some(layer => layer.picture?.image)")
    page.locator("[data-act=mask]").click()
    page.evaluate("Object.assign(inkstone.canvas.settings, { tool: 'brush', size: 40 })")
    drag(page, (100, 128), (156, 128))
    fold = page.locator("#masking > .label-wrap")
    if "open" not in str(fold.get_attribute("class")):
        fold.click()
    return page


def test_mask_area_padding_blur_and_every_fill_are_painted_as_they_were_chosen(masked: Page, studio: Studio):
    choose(masked, "#field-mask-region", "whole picture")
    number(masked, "#field-mask-padding", 48)
    number(masked, "#field-mask-blur", 9)
    [first] = painted(masked, studio)
    assert first.mask
    assert (first.mask.region, first.mask.padding, first.mask.blur) == ("whole", 48, 9)
    choose(masked, "#field-mask-region", "only masked")
    number(masked, "#field-mask-padding", 32)
    number(masked, "#field-mask-blur", 4)
    number(masked, "#field-source-strength", 0.6)
    for option, fill in FILLS.items():
        choose(masked, "#field-mask-fill", option)
        [recipe] = painted(masked, studio)
        assert recipe.mask
        assert recipe.source
        assert recipe.source.strength == 0.6
        assert recipe.mask.but(image=first.mask.image) == first.mask.but(
            region="masked", padding=32, blur=4, fill=fill, invert=False
        )
    masked.locator("#field-mask-invert input").check()
    [recipe] = painted(masked, studio)
    assert recipe.mask
    assert recipe.mask.invert
    masked.locator("#field-mask-invert input").uncheck()


def test_the_mask_that_is_sent_is_white_where_she_veiled_over_her_picture(masked: Page, studio: Studio):
    [recipe] = painted(masked, studio)
    assert recipe.mask
    assert recipe.source
    owner = studio.painters.owner()
    veil = images.read(studio.inputs.read(owner, recipe.mask.image)).convert("L")
    assert veil.size == (recipe.width, recipe.height) == (256, 256)
    assert [veil.getpixel(at) for at in ((110, 128), (146, 128), (128, 70), (5, 5))] == [255, 255, 0, 0]
    under = images.read(studio.inputs.read(owner, recipe.source.image)).convert("RGB")
    assert under.getpixel((128, 128)) == (90, 120, 150), "the veil is no paint"
    masked.evaluate("inkstone.canvas.clear()")
    masked.evaluate("inkstone.tab('txt2img')")
    [plain] = painted(masked, studio)
    assert (plain.source, plain.mask) == (None, None), "what was veiled stays in its tab"


# --- from words


def test_another_seeds_noise_is_mixed_in_as_far_as_she_says(page: Page, studio: Studio):
    switch = page.locator("#field-variation input")
    switch.check()
    page.fill("#field-variation-seed textarea, #field-variation-seed input", "18446744073709551615")
    number(page, "#field-variation-strength", 0.35)
    [recipe] = painted(page, studio)
    assert recipe.variation == Variation(seed=2**64 - 1, strength=0.35)
    assert recipe.seed == 5
    switch.uncheck()
    [recipe] = painted(page, studio)
    assert recipe.variation is None


def test_a_seamless_picture_is_painted_the_way_she_chose(page: Page, studio: Studio):
    for option, tiling in TILING.items():
        choose(page, "#field-tiling", option)
        [recipe] = painted(page, studio)
        assert recipe.tiling == tiling


def test_a_prompt_matrix_paints_every_combination(page: Page, studio: Studio):
    page.fill(PROMPT, "a lake | mist | two {old|young} pines")
    page.locator(".axis select").first.select_option("matrix")
    recipes = painted(page, studio, ".explore .go")
    words = ["a lake", "a lake, mist", "a lake, two {} pines", "a lake, mist, two {} pines"]
    known = [{one.replace("{}", age) for age in ("old", "young")} for one in words]
    assert all(one.prompt in which for one, which in zip(recipes, known, strict=True))
    assert {one.seed for one in recipes} == {5}, "only the words differ"


def test_a_file_of_prompts_becomes_a_picture_for_each_line(page: Page, studio: Studio, tmp_path: Path):
    file = tmp_path / "prompts.txt"
    file.write_text("a red sun, mist\n秋山, 雾\n\na lone boat\n", "utf-8")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Prompts from a file…").click()
    chooser.value.set_files(file)
    expect(page.locator(".axis textarea").first).to_have_value("a red sun, mist\n秋山, 雾\n\na lone boat")
    recipes = painted(page, studio, ".explore .go")
    assert [one.prompt for one in recipes] == ["a red sun, mist", "秋山, 雾", "a lone boat"]
    expect(page.locator(PROMPT)).to_have_value("a lake")


def test_styles_of_another_program_are_brought_and_laid_over_her_words(
    page: Page, studio: Studio, tmp_path: Path
):
    file = tmp_path / "styles.csv"
    file.write_text("no,styles\n1,2\n", "utf-8")
    page.click("[data-tool=styles]")
    bring(page, file)
    expect(page.locator(".toast.fault")).to_contain_text("has the columns name, prompt")
    page.keyboard.press("Escape")
    expect(page.locator("dialog.styles")).to_have_count(0)
    expect(page.locator(".toast.fault")).to_be_visible()  # the message outlives the sheet on which it stood
    file.write_text(STYLES, "utf-8-sig")
    page.click("[data-tool=styles]")
    bring(page, file)
    expect(page.locator(".toast.note")).to_contain_text("1 styles taken over.")
    page.locator("dialog.styles .style", has_text="Old silk").click()
    expect(page.locator(PROMPT)).to_have_value("a lake, on old silk")
    [recipe] = painted(page, studio)
    assert (recipe.prompt, recipe.negative) == ("a lake, on old silk", "paper")


def bring(page: Page, file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Bring styles from a styles.csv…").click()
    chooser.value.set_files(file)


# --- from a result


def test_what_is_under_a_result_makes_of_it_what_it_says(page: Page, studio: Studio):
    painted(page, studio)
    for act, strength in (("vary-subtle", 0.35), ("vary-strong", 0.65)):
        before = shown(page, studio)
        [recipe] = painted(page, studio, under(act))
        assert recipe.source
        assert (recipe.source.strength, recipe.mask, recipe.controls) == (strength, None, ())
        assert recipe.seed != 5, "from another seed"
        assert given(studio, recipe.source.image) == before

    page.click(under("img2img"))
    expect(page.locator("body")).to_have_attribute("data-tab", "img2img")
    page.wait_for_function("inkstone.canvas.drawing().layers.some(layer => layer.picture?.image)")
    [recipe] = painted(page, studio)
    assert recipe.source
    assert (recipe.source.strength, recipe.mask, recipe.controls, recipe.hires) == (0.75, None, (), None)

    before = shown(page, studio)
    page.click(under("upscale"))
    expect(page.locator("body")).to_have_attribute("data-tab", "highres")
    page.wait_for_function("inkstone.form.hires && inkstone.well.images().length === 1")
    [recipe] = painted(page, studio)
    assert recipe.source
    assert recipe.hires
    assert (recipe.source.strength, recipe.hires.scale, recipe.post) == (0, 2, ())
    assert given(studio, recipe.source.image) == before

    before = shown(page, studio)
    page.click(".tile .face", position={"x": 40, "y": 40})  # beside the line between before and after
    page.click(".large [data-act=finish]")
    expect(page.locator("body")).to_have_attribute("data-tab", "finish")
    page.wait_for_function("!inkstone.form.hires && inkstone.well.images().length === 1")
    page.check("#field-post-sharpen input[type=checkbox]")
    page.wait_for_function("inkstone.form['post.sharpen']")
    [recipe] = painted(page, studio)
    assert recipe.source
    assert (recipe.source.strength, recipe.hires) == (0, None)
    assert [step.kind for step in recipe.post] == ["sharpen"]
    assert given(studio, recipe.source.image) == before


def test_a_result_is_sketched_after(page: Page, studio: Studio):
    painted(page, studio)
    page.click(under("sketch"))
    expect(page.locator("body")).to_have_attribute("data-tab", "sketch")
    traced = "inkstone.canvas.drawing().layers.some(layer => layer.kind === 'lines' && layer.picture)"
    page.wait_for_function(traced)
    assert page.evaluate("inkstone.canvas.drawing().layers.filter(layer => layer.picture).length") == 1


def under(act: str) -> str:
    return f".tile-acts [data-act={act}]"


def shown(page: Page, studio: Studio) -> bytes:
    """The pixels of the picture on the stage."""
    name = page.evaluate("document.querySelector('.tile').dataset.picture")
    return images.read(studio.gallery.read(studio.painters.owner(), name)).convert("RGB").tobytes()


def given(studio: Studio, digest: str) -> bytes:
    """The pixels of an input that a recipe names."""
    return images.read(studio.inputs.read(studio.painters.owner(), digest)).convert("RGB").tobytes()
