"""Every tab in a real Chromium, with the real worker and the starter that is shipped: what a painter does."""

from __future__ import annotations

import base64
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from studio import metadata
from studio.settings import Settings
from studio.studio import Studio
from studio.web import Server

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
TABS = ("txt2img", "img2img", "sketch", "highres", "finish", "gallery", "models", "settings")
MODELS = Path(__file__).parents[2] / "models"
PROMPT, SEED = "#field-prompt textarea", "#field-seed textarea, #field-seed input"
WAIT = 120_000  # the first picture waits until the worker has loaded
RIDGE = ((0.3, 0.5, 0.1), (0.4, 0.45, 0.4), (0.5, 0.5, 0.8), (0.6, 0.45, 1.0), (0.7, 0.5, 0.9))
PRESS = """([type, points]) => {
  const sheet = document.querySelector(".c-sheet"), frame = sheet.getBoundingClientRect();
  points.forEach(([x, y, pressure], i) => {
    const name = i === 0 ? "pointerdown" : i === points.length - 1 ? "pointerup" : "pointermove";
    sheet.dispatchEvent(new PointerEvent(name, {
      pointerId: 7, pointerType: type, pressure, clientX: frame.left + frame.width * x, isPrimary: true,
      clientY: frame.top + frame.height * y, bubbles: true, button: 0, buttons: 1,
    }));
  });
}"""
TILES = "[...document.querySelectorAll('.tile')].map(tile => tile.dataset.job)"
FINISHED = """old => {
  const tiles = [...document.querySelectorAll('.tile')], busy = document.body.classList;
  return tiles.length && tiles.every(t => t.dataset.kind === 'done' && !old.includes(t.dataset.job))
    && !busy.contains('painting') && !busy.contains('sending');
}"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with Studio(settings(tmp_path_factory.mktemp("tabs"))) as studio:
        yield studio


def settings(data: Path) -> Settings:
    return Settings(data=data, models=MODELS, port=0, browser=False)


@pytest.fixture(scope="module")
def context(chromium: Browser) -> Iterator[BrowserContext]:
    yield from visit(chromium, viewport=DESK, locale="en-US")


@pytest.fixture
def phone(chromium: Browser) -> Iterator[BrowserContext]:
    yield from visit(chromium, viewport=PHONE, locale="en-US", has_touch=True, is_mobile=True)


def visit(chromium: Browser, **device: Any) -> Iterator[BrowserContext]:
    context = chromium.new_context(**device)
    context.set_default_timeout(WAIT)
    faults: list[str] = []
    context.on("weberror", lambda error: faults.append(str(error.error)))
    yield context
    context.close()
    assert faults == []


@pytest.fixture(scope="module")
def studio_page(context: BrowserContext, server: Server) -> Page:
    page = context.new_page()
    page.goto(server.url)
    ready(page)
    return page


@pytest.fixture
def page(studio_page: Page) -> Page:
    fresh(studio_page)
    return studio_page


def opened(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.goto(url)
    ready(page)
    fresh(page)
    return page


def fresh(page: Page) -> None:
    """A clean sheet, and a form whose pictures take few steps and no more."""
    page.evaluate("""() => {
      document.querySelector("dialog[open]")?.close();
      document.querySelectorAll(".toast").forEach(toast => toast.remove());
      inkstone.live.stop();
      inkstone.tab("txt2img");
      inkstone.canvas.clear();
      inkstone.chips.set({});
      inkstone.well.show();
    }""")
    for fold in ("advanced", "larger", "finishing"):
        head = page.locator(f"#{fold} > .label-wrap")
        if "open" not in str(head.get_attribute("class")):
            head.click()
    on = "path => /^(hires|post\\.[a-z]+)$/.test(path) && inkstone.form[path]"
    for part in page.evaluate(f"Object.keys(inkstone.form).filter({on})"):
        page.locator(f"#field-{part.replace('.', '-')} input[type=checkbox]").uncheck()
    number(page, "steps", 5)
    number(page, "width", 256)
    number(page, "height", 256)
    many(page, 1)


def ready(page: Page) -> None:
    page.wait_for_selector("body.ready")
    page.wait_for_function("inkstone.ready && inkstone.canvas.size && inkstone.form")


def number(page: Page, field: str, value: float) -> None:
    box = page.locator(f"#field-{field} input[type=number]")
    box.fill(str(value))
    box.blur()


def many(page: Page, count: int) -> None:
    page.fill("#count input[type=number]", str(count))
    page.locator("#count input[type=number]").blur()


def ask(page: Page, prompt: str, seed: int) -> None:
    page.fill(PROMPT, prompt)
    page.fill(SEED, str(seed))
    page.wait_for_function("seed => inkstone.form.seed === seed", arg=str(seed))


def draw(page: Page, *points: tuple[float, float, float], kind: str = "pen") -> None:
    page.evaluate(PRESS, [kind, [list(point) for point in points]])


def painted(page: Page, press: str = "#paint") -> list[str]:
    """Presses what paints, and waits until it is done; the pictures."""
    old = page.evaluate(TILES)
    page.click(press)
    page.wait_for_function(FINISHED, arg=old)
    return page.evaluate("[...document.querySelectorAll('.tile')].map(tile => tile.dataset.picture)")


def look_at(page: Page, picture: str) -> None:
    page.evaluate("id => inkstone.large(id)", picture)
    page.wait_for_selector(".large[open]")


def do(page: Page, picture: str, act: str) -> None:
    look_at(page, picture)
    page.click(f".large [data-act={act}]")


def onto_the_canvas(page: Page, picture: str, act: str = "img2img") -> None:
    do(page, picture, act)
    page.wait_for_function("tab => document.body.dataset.tab === tab", arg=act)
    page.wait_for_function("inkstone.canvas.drawing().layers.some(layer => layer.picture)")
    page.wait_for_function("inkstone.form['source.strength'] > 0")


def png(studio: Studio, picture: str) -> bytes:
    return studio.gallery.read(studio.painters.owner(), picture)


def pixels(studio: Studio, picture: str) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.asarray(Image.open(io.BytesIO(png(studio, picture))).convert("RGB")).astype(np.int16)


def recipe_of(studio: Studio, picture: str) -> dict[str, Any]:
    recipe = metadata.read_file(png(studio, picture)).recipe
    assert recipe, "the file carries its recipe"
    return recipe.model_dump(mode="json")


# --- sketch


def test_a_sketch_keeps_its_lines_and_its_file_brings_all_of_it_back(page: Page, studio: Studio):
    page.keyboard.press("Alt+3")
    ask(page, "misty mountains, pine", 7)
    draw(page, *RIDGE)
    [first] = painted(page)
    recipe = recipe_of(studio, first)
    assert (recipe["prompt"], str(recipe["seed"])) == ("misty mountains, pine", "7")
    assert recipe["controls"][0]["image"]
    assert recipe["drawing"]
    page.wait_for_timeout(1500)  # the sheet is kept a second after the pen rests
    page.reload()
    ready(page)
    expect(page.locator("body")).to_have_attribute("data-tab", "sketch")
    page.wait_for_function("!inkstone.canvas.isEmpty()")

    page.evaluate("inkstone.tab('txt2img')")
    page.evaluate("inkstone.canvas.clear()")
    ask(page, "other words", 99)
    drop(page, png(studio, first))
    expect(page.locator(PROMPT)).to_have_value("misty mountains, pine")
    expect(page.locator("body")).to_have_attribute("data-tab", "sketch")
    page.wait_for_function("!inkstone.canvas.isEmpty()")
    assert lines(page) == 1, "strokes, not pixels"
    [again] = painted(page)
    assert (pixels(studio, again) == pixels(studio, first)).all()
    draw(page, (0.3, 0.7, 0.5), (0.5, 0.62, 0.5), (0.7, 0.7, 0.5))
    assert lines(page) == 2
    [other] = painted(page)
    assert (pixels(studio, other) != pixels(studio, first)).any()


def lines(page: Page) -> int:
    return page.evaluate(
        "inkstone.canvas.drawing().layers.find(layer => layer.id === 'lines').strokes.length"
    )


def drop(page: Page, data: bytes) -> None:
    page.evaluate(
        """data => {
            const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0)), carried = new DataTransfer();
            carried.items.add(new File([bytes], "x.png", { type: "image/png" }));
            for (const kind of ["dragenter", "dragover", "drop"])
                document.body.dispatchEvent(
                    new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: carried }));
        }""",
        base64.b64encode(data).decode(),
    )


def test_an_empty_sheet_is_answered_by_a_sentence(page: Page, studio: Studio):
    before = len(studio.gallery.pictures(studio.painters.owner()))
    page.evaluate("inkstone.tab('sketch')")
    page.click("#paint")
    expect(page.locator(".toast.fault")).to_have_text(re.compile("Draw some lines first"))
    draw(page, *RIDGE)
    page.evaluate("inkstone.tab('img2img')")
    page.click("#paint")
    expect(page.locator(".toast.fault").last).to_have_text(re.compile("Put a picture on the canvas first"))
    assert len(studio.gallery.pictures(studio.painters.owner())) == before


# --- img2img


@pytest.fixture(scope="module")
def lake(studio: Studio) -> str:
    """A finished picture to work on; painted through the studio, not the page."""
    her = studio.painters.owner()
    asked = {
        "prompt": "a lake, mountains, pine",
        "seed": "11",
        "steps": 5,
        "width": 256,
        "height": 256,
        "post": [],
    }
    group = studio.submit(asked, her, 1)
    for event in studio.desk.events(group.group, her):
        assert event.kind != "failed", event
    return studio.gallery.pictures(her)[0].id


def test_strokes_over_a_picture_are_painted_in_as_far_as_the_strength_says(
    page: Page, studio: Studio, lake: str
):
    onto_the_canvas(page, lake)
    page.keyboard.press("m")  # from the veil to the brush
    page.evaluate("Object.assign(inkstone.canvas.settings, { color: '#b3261e', size: 30 })")
    draw(page, (0.4, 0.4, 0.5), (0.5, 0.45, 0.5), (0.6, 0.4, 0.5))
    page.fill(SEED, "5")
    far: list[float] = []
    for strength in (0.3, 0.9):
        number(page, "source-strength", strength)
        [found] = painted(page)
        recipe = recipe_of(studio, found)
        assert recipe["source"]["strength"] == strength
        assert recipe["mask"] is None
        far.append(float(abs(pixels(studio, found) - pixels(studio, lake)).mean()))
    assert far[1] > far[0] > 0


def test_inpainting_changes_the_veiled_part_only(page: Page, studio: Studio, lake: str):
    onto_the_canvas(page, lake)
    page.evaluate("inkstone.canvas.settings.size = 60")
    draw(page, (0.45, 0.5, 0.5), (0.5, 0.5, 0.5), (0.55, 0.5, 0.5))
    page.fill(SEED, "5")
    [found] = painted(page)
    assert recipe_of(studio, found)["mask"]
    apart = abs(pixels(studio, found) - pixels(studio, lake)).max(axis=2)
    assert apart[118:138, 118:138].mean() > 2
    apart[64:192, 64:192] = 0
    assert apart.max() <= 2


def test_a_grown_sheet_is_painted_on_and_keeps_what_was_there(page: Page, studio: Studio, lake: str):
    onto_the_canvas(page, lake)
    page.click("[data-open=grow]")
    page.click("[data-act=grow]")
    page.wait_for_function("inkstone.form.width === 384")
    [found] = painted(page)
    wide = pixels(studio, found)
    assert wide.shape == (256, 384, 3)
    apart = abs(wide[:, :256] - pixels(studio, lake)).max(axis=(0, 2))
    assert apart[: 256 - 32].max() <= 2, "but for the lap over which the new grows out of the old"
    assert wide[:, 270:].std() > 1, "something is there"


# --- larger, finished


def test_upscaling_doubles_the_picture_and_keeps_its_composition(page: Page, studio: Studio, lake: str):
    do(page, lake, "upscale")
    expect(page.locator("body")).to_have_attribute("data-tab", "highres")
    page.wait_for_function("inkstone.form.hires && inkstone.well.images().length === 1")
    [found] = painted(page)
    large = pixels(studio, found)
    assert large.shape == (512, 512, 3)
    assert np.corrcoef(forms(large), forms(pixels(studio, lake)))[0, 1] > 0.8


def forms(picture: np.ndarray) -> np.ndarray:
    """The large forms of a picture: its light at 32 x 32."""
    small = Image.fromarray(picture.astype(np.uint8)).resize((32, 32), Image.Resampling.BOX)
    return np.asarray(small, float).mean(axis=2).ravel()


def test_a_picture_made_larger_leaves_what_is_painted_next_as_it_was(page: Page, studio: Studio, lake: str):
    def shown(tab: str, *, larger: bool, grained: bool) -> None:
        page.evaluate("tab => inkstone.tab(tab)", tab)
        said = "want => inkstone.form.hires === want[0] && inkstone.form['post.grain'] === want[1]"
        page.wait_for_function(said, arg=[larger, grained])
        page.wait_for_function(
            "on => document.getElementById('larger').classList.contains('in-use') === on", arg=larger
        )

    page.locator("#field-post-grain input[type=checkbox]").check()
    page.wait_for_function("inkstone.form['post.grain']")
    do(page, lake, "upscale")
    expect(page.locator("body")).to_have_attribute("data-tab", "highres")  # a moment after the form is filled
    page.wait_for_function("inkstone.form.hires && !inkstone.form['post.grain']")
    shown("finish", larger=False, grained=False)
    shown("txt2img", larger=False, grained=True)
    shown("highres", larger=True, grained=False)
    shown("sketch", larger=False, grained=True)
    page.locator("#field-hires input[type=checkbox]").check()
    shown("img2img", larger=True, grained=True)
    shown("finish", larger=False, grained=False)
    shown("txt2img", larger=True, grained=True)
    page.locator("#field-hires input[type=checkbox]").uncheck()
    shown("highres", larger=True, grained=False)
    page.evaluate("inkstone.tab('gallery')")
    page.wait_for_timeout(600)  # the form is kept a moment after the last change
    page.reload()
    ready(page)
    shown("txt2img", larger=False, grained=True)
    fresh(page)
    ask(page, "a lake", 3)
    [found] = painted(page)
    assert recipe_of(studio, found)["hires"] is None


def test_several_files_are_finished_as_one_group(page: Page, studio: Studio):
    page.keyboard.press("Alt+5")
    files = [noise(seed) for seed in (1, 2)]
    page.set_input_files(
        "#ink-well input[type=file]",
        [{"name": f"{i}.png", "mimeType": "image/png", "buffer": data} for i, data in enumerate(files)],
    )
    page.wait_for_function("inkstone.well.images().length === 2")
    page.locator("#field-post-clahe input[type=checkbox]").check()
    found = painted(page)
    assert len(found) == 2
    for picture, data in zip(found, files, strict=True):
        assert [step["kind"] for step in recipe_of(studio, picture)["post"]] == ["clahe"]
        given = np.asarray(Image.open(io.BytesIO(data))).astype(np.int16)
        assert 0 < abs(pixels(studio, picture) - given).mean() < 40


def noise(seed: int) -> bytes:
    """A soft random picture as PNG."""
    rough = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(rough).resize((96, 96), Image.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


# --- explore, vary, reuse


def test_a_grid_hangs_with_its_labels(page: Page):
    ask(page, "a lake, mist", 11)
    page.evaluate("document.querySelector('.explore').open = true")
    for place, (field, values) in enumerate((("steps", "3, 4"), ("guidance", "2, 4"))):
        page.locator(".axis select").nth(place).select_option(field)
        page.locator(".axis textarea").nth(place).fill(values)
    assert len(painted(page, ".explore .go")) == 4
    hung = page.inner_text(".tiles").split()
    assert {"Steps", "3", "4", "2.0", "4.0"} <= set(hung)


def test_replay_is_the_same_picture_and_variations_are_near_and_far(page: Page, studio: Studio, lake: str):
    def after(act: str) -> list[str]:
        look_at(page, lake)
        return painted(page, f".large [data-act={act}]")

    [again] = after("replay")
    assert (pixels(studio, again) == pixels(studio, lake)).all()
    for act, strength in (("vary-subtle", 0.35), ("vary-strong", 0.65)):
        found = after(act)
        assert recipe_of(studio, found[0])["source"]["strength"] == strength
        assert (pixels(studio, found[0]) != pixels(studio, lake)).any()
        about = page.evaluate("id => inkstone.ask(`gallery/about/${id}`)", found[0])
        assert [one["id"] for one in about["parents"]] == [lake]


def test_words_seed_or_everything_is_taken_up_again(page: Page, lake: str):
    ask(page, "something else", 3)
    do(page, lake, "reuse-prompt")
    expect(page.locator(PROMPT)).to_have_value("a lake, mountains, pine")
    expect(page.locator(SEED)).to_have_value("3")
    look_at(page, lake)
    page.click(".large .reuse-seed")
    expect(page.locator(SEED)).to_have_value("11")
    ask(page, "something else", 3)
    number(page, "steps", 9)
    do(page, lake, "reuse")
    expect(page.locator(SEED)).to_have_value("11")
    expect(page.locator(PROMPT)).to_have_value("a lake, mountains, pine")
    expect(page.locator("#field-steps input[type=number]")).to_have_value("5")


# --- stopping, and coming back


def test_stop_ends_the_work_in_hand(page: Page, studio: Studio):
    before = len(studio.gallery.pictures(studio.painters.owner()))
    ask(page, "a lake", 21)
    number(page, "steps", 100)
    page.click("#paint")
    page.wait_for_selector(".tile img[src^='data:']")
    page.click("#stop")
    expect(page.locator(".stage .line")).to_have_text("Stopped")
    assert len(studio.gallery.pictures(studio.painters.owner())) == before


def test_a_reload_in_the_middle_finds_the_work_again(page: Page):
    ask(page, "a lake", 22)
    number(page, "steps", 30)
    page.wait_for_function("inkstone.form.steps === 30")
    old = page.evaluate(TILES)
    page.click("#paint")
    page.wait_for_selector(".tile img[src^='data:']")
    page.reload()
    ready(page)
    expect(page.locator(".stage .line")).to_have_text(re.compile(r"Step \d+ of 30"))
    page.wait_for_function(FINISHED, arg=old)


def test_a_killed_server_goes_on_when_it_is_started_again(context: BrowserContext, tmp_path: Path):
    process, url = served(tmp_path, 0)
    try:
        page = opened(context, url)
        ask(page, "a lake", 23)
        number(page, "steps", 40)
        page.wait_for_function("inkstone.form.steps === 40")
        page.click("#paint")
        page.wait_for_selector(".tile img[src^='data:']")
        process.kill()
        process.wait()
        expect(page.locator(".stage .line")).to_have_text(re.compile("connection"))
        process, _ = served(tmp_path, int(re.findall(r":(\d+)/", url)[0]))
        page.wait_for_function(FINISHED, arg=[])
        expect(page.locator(".thumb")).to_have_count(1)
    finally:
        process.kill()
        process.wait()


def served(data: Path, port: int) -> tuple[subprocess.Popen[str], str]:
    """`studio serve` in a process of its own, and the address it says."""
    command = [sys.executable, "-m", "studio.cli", "serve", "--no-browser", "--data", str(data / "data")]
    process = subprocess.Popen(
        [*command, "--models", str(MODELS), "--port", str(port)],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert process.stdout
    said = process.stdout.readline()
    return process, re.findall(r"http://\S+", said)[0]


# --- hands, eyes, languages


def test_everything_is_reached_by_the_keyboard(page: Page, lake: str):
    page.evaluate("document.activeElement.blur()")
    page.evaluate("scrollTo(0, 0)")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#field-prompt textarea')"):
            break
    page.keyboard.press("Control+a")
    page.keyboard.type("a lake, mist")
    old = page.evaluate(TILES)
    page.keyboard.press("Control+Enter")
    page.wait_for_function(FINISHED, arg=old)
    for n, tab in enumerate(TABS, 1):
        page.keyboard.press(f"Alt+{n}")
        expect(page.locator("body")).to_have_attribute("data-tab", tab)
        expect(page.locator(f".tab[data-tab={tab}]")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Alt+6")
    leaves = page.locator(".wall .leaf")
    expect(leaves.first).to_be_visible()
    leaves.first.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(
        "document.activeElement.matches('.leaf') && document.activeElement.getAttribute('aria-label')"
    )
    page.keyboard.press("Enter")
    page.wait_for_selector(".large[open]")
    for _ in range(25):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_every_control_has_a_name_and_no_text_is_too_faint(page: Page, lake: str):
    for dark in (False, True):
        if page.evaluate("document.body.classList.contains('dark')") != dark:
            page.click(".theme")
        for tab in TABS:
            page.evaluate("tab => inkstone.tab(tab)", tab)
            page.wait_for_timeout(300)
            assert page.evaluate(NAMELESS) == [], tab
            assert page.evaluate(FAINT) == [], (tab, dark)


NAMELESS = """() => [...document.querySelectorAll("button, a[href], [role=button], input, select")]
  .filter(one => one.getClientRects().length)
  .filter(one => !["aria-label", "aria-labelledby", "title"].some(name => one.getAttribute(name)))
  .filter(one => !one.textContent.trim() && ![...(one.labels || [])].some(label => label.textContent.trim()))
  .map(one => one.outerHTML.slice(0, 120))"""
# Contrast as WCAG 2.2 counts it, of every text on a plain ground; what lies over a picture is left out.
FAINT = """() => {
  const parts = colour => {
    const n = (colour.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
    const unit = colour.startsWith("color(") ? 255 : 1;
    return [n[0] * unit, n[1] * unit, n[2] * unit, n[3] ?? 1];
  };
  const linear = c => (c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => .2126 * linear(r / 255) + .7152 * linear(g / 255) + .0722 * linear(b / 255);
  const over = (top, under) => under.map((c, i) => c * (1 - top[3]) + top[i] * top[3]);
  const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim(), node = walk.currentNode.parentElement;
    if (!text || !node.getClientRects().length) continue;
    if (node.closest("[disabled], .leaf, .c-invite, .mirror, .large, script, style, svg, option")) continue;
    const grounds = [], style = getComputedStyle(node);
    for (let at = node; at; at = at.parentElement)
      grounds.unshift(parts(getComputedStyle(at).backgroundColor));
    const ground = grounds.reduce((under, top) => over(top, under), [255, 255, 255]);
    const two = [light(over(parts(style.color), ground)), light(ground)];
    const ratio = (Math.max(...two) + .05) / (Math.min(...two) + .05);
    if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5))
      found.push([node.className, text.slice(0, 30), ratio]);
  }
  return found;
}"""


def test_the_starter_is_painted_live_from_the_first_visit_on(studio: Studio):
    assert studio.palette.paints_live(studio.painters.owner())


def test_she_paints_in_chinese(chromium: Browser, server: Server, studio: Studio, lake: str):
    for context in visit(chromium, viewport=DESK, locale="zh-CN"):
        page = opened(context, server.url)
        page.select_option(".languages", "zh-CN")
        expect(page.locator("#paint")).to_have_text("落笔")
        expect(page.locator(".tab[data-tab=sketch] b")).to_have_text("线稿")
        ask(page, "一颗青松,青山环绕,云雾缭绕", 5)
        [found] = painted(page)
        assert recipe_of(studio, found)["prompt"] == "一颗青松,青山环绕,云雾缭绕"
        page.select_option(".languages", "en")
        expect(page.locator("#paint")).to_have_text("Paint")


def test_on_a_phone_a_finger_draws_and_paint_is_at_hand(
    phone: BrowserContext, server: Server, studio: Studio
):
    page = opened(phone, server.url)
    for tab in TABS:
        page.evaluate("tab => inkstone.tab(tab)", tab)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab
    page.evaluate("inkstone.tab('sketch')")
    ask(page, "mountains", 8)
    sheet, button = page.locator(".c-sheet").bounding_box(), page.locator("#paint").bounding_box()
    assert sheet
    assert button
    assert sheet["y"] < PHONE["height"] * 0.6, "the sheet comes first"
    assert button["y"] + button["height"] <= PHONE["height"]
    draw(page, *RIDGE, kind="touch")
    assert lines(page) == 1
    [found] = painted(page)
    assert recipe_of(studio, found)["controls"]
