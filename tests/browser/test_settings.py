"""The Settings tab in a real Chromium, with the real worker: names, memory, bell, notice, words and keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from halls import models_folder, page_of
from playwright.sync_api import Browser, Page, expect

from studio.settings import Settings
from studio.studio import Studio

WAIT = 60_000  # the first picture waits until the worker has loaded
CHINESE, ENGLISH = "zh-CN", "en"
# What the tests look into: notices and bells are counted, and the page can be told that nobody sees it.
STUBS = """
window.notes = []; window.bells = 0; window.unseen = false;
Object.defineProperty(document, "hidden", { get: () => window.unseen });
window.Notification = class {
  static permission = "default";
  static answer = "granted";
  static async requestPermission() { return (this.permission = this.answer); }
  constructor(title, { body }) { notes.push([title, body]); }
};
window.AudioContext = class extends AudioContext { constructor() { super(); window.bells += 1; } };
"""
KEYS = {
    "B E": ("Brush, eraser", "画笔、橡皮"),
    "G I": ("Fill, pick a colour", "填色、取色"),
    "L R O A": ("Line, rectangle, ellipse, lasso", "直线、矩形、椭圆、套索"),
    "V": ("Move the picture", "移动图片"),
    "M": ("Mask, and back", "蒙版，再按返回"),
    "[ ]": ("Smaller, larger brush", "笔变细、变粗"),
    "Ctrl+Z": ("Undo", "撤销"),
    "Ctrl+Shift+Z": ("Redo", "重做"),
    "H ␣": ("Move the paper (hold the space bar)", "移动画纸（空格需按住）"),
    "Wheel": ("Nearer, farther", "放大、缩小"),
    "Shift+wheel": ("Turn the paper", "转动画纸"),
    "F": ("The whole sheet", "看整张画纸"),
    "Esc": ("Leave full screen", "退出全屏"),
}
LISTED = """title => [...document.querySelectorAll("dialog.keys section")]
  .filter(one => one.querySelector("h3").textContent === title)
  .flatMap(one => [...one.querySelectorAll("dt")].map(dt => [dt.textContent, dt.nextSibling.textContent]))"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("settings")
    models = models_folder(root / "models")
    with Studio(Settings(data=root / "data", models=models, port=0, browser=False)) as studio:
        yield studio


@pytest.fixture(scope="module")
def opened(chromium: Browser, studio: Studio) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    context.set_default_timeout(WAIT)
    context.add_init_script(STUBS)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    with page_of(studio) as server:
        page.goto(server.url)
        ready(page)
        page.evaluate("inkstone.tab('txt2img')")
        page.click("#advanced .label-wrap")
        for field in ("width", "height", "steps"):
            number(page, f"#field-{field}", "2" if field == "steps" else "64")
        number(page, "#count", "1")
        yield page
        context.close()
    assert faults == []


@pytest.fixture
def page(opened: Page) -> Page:
    to(opened, "settings")
    return opened


def ready(page: Page) -> None:
    page.wait_for_selector("body.ready")
    page.wait_for_function("inkstone.ready && inkstone.form && inkstone.canvas.size().length === 2")


def number(page: Page, field: str, value: str) -> None:
    page.fill(f"{field} input[type=number]", value)
    page.locator(f"{field} input[type=number]").blur()


def to(page: Page, tab: str) -> None:
    """The tab, come to anew."""
    page.evaluate("inkstone.tab('gallery')")
    page.click(f"[role=tab][data-tab={tab}]")
    if tab == "settings":
        expect(page.locator(".settings .example")).not_to_have_text("")


def painted(page: Page, prompt: str) -> str:
    """A picture of hers, waited for; its id."""
    to(page, "txt2img")
    old = page.evaluate("[...document.querySelectorAll('.tile')].map(tile => tile.dataset.job)")
    page.fill("#field-prompt textarea", prompt)
    page.click("#paint")
    page.wait_for_function(
        """old => { const tile = document.querySelector('.tile');
          return tile && !old.includes(tile.dataset.job) && tile.dataset.kind === 'done'
            && !document.body.matches('.painting, .sending'); }""",
        arg=old,
    )
    return page.evaluate("document.querySelector('.tile').dataset.picture")


def test_a_new_pattern_names_the_next_picture_and_its_download(page: Page, studio: Studio):
    box = page.get_by_label("Files are called")
    expect(box).to_have_value("inkstone-{date}-{time}-{id}")
    box.fill("{prompt} of {seed}")
    box.blur()
    expect(page.locator(".settings .example")).to_have_text("a-lone-boat-on-a-misty-lake-of-42-1a2b3c4d.png")
    page.evaluate("inkstone.tab('txt2img')")
    page.fill("#field-seed textarea, #field-seed input", "7")
    picture = painted(page, "autumn hills 秋山")
    file = studio.gallery.path(studio.painters.owner(), picture)
    assert file.name.endswith(f"-autumn-hills-秋山-of-7-{picture}.png")
    page.click(".tile .face")
    with page.expect_download() as download:
        page.click(".large .download")
    assert unquote(download.value.suggested_filename) == f"autumn-hills-秋山-of-7-{picture[:8]}.png"
    page.keyboard.press("Escape")
    to(page, "settings")
    box.fill("")
    box.blur()
    expect(box).to_have_value("inkstone-{date}-{time}-{id}")


def test_it_says_where_things_lie(page: Page, studio: Studio):
    shown = dict(
        zip(
            page.locator(".settings .folders dt").all_inner_texts(),
            page.locator(".settings .folders dd").all_inner_texts(),
            strict=True,
        )
    )
    assert shown == {
        "Your pictures and everything kept": str(studio.settings.data),
        "Models": str(studio.settings.models),
        "Styles": str(studio.settings.presets),
    }


def test_the_memory_line_counts_what_is_held_and_unload_frees_it(page: Page, studio: Studio):
    def held() -> dict[str, int]:
        seen = studio.desk.memory(studio.painters.owner()).result(60)
        assert seen
        return dict(seen.found)

    painted(page, "a lake")
    to(page, "settings")
    line = page.locator(".settings .memory")
    expect(line).to_have_text(
        re.compile(r"^\d\.\d\d GB of at most .+ held for [1-9]\d* parts of models \(cpu\)")
    )
    assert held()["ram_bytes"] > 0
    page.get_by_role("button", name="Let go of all models").click()
    expect(line).to_have_text(re.compile(r"^0\.00 GB of at most .+ held for 0 parts"))
    expect(page.locator(".settings .unload")).to_be_hidden()
    assert (held()["ram_bytes"], held()["components"]) == (0, 0)
    to(page, "settings")
    expect(line).to_have_text(re.compile("held for 0 parts"))
    painted(page, "a lake once more")
    assert held()["components"] > 0, "what was let go of is loaded again when it is needed"


def test_a_notice_comes_only_to_who_asked_for_it_and_looks_elsewhere(page: Page):
    page.evaluate("unseen = true")
    painted(page, "a lake, not asked for")
    assert page.evaluate("notes") == []
    page.evaluate("unseen = false")
    to(page, "settings")
    wish = page.get_by_label("A notice when a picture is done and the page is hidden")
    expect(wish).not_to_be_checked()
    page.evaluate("Notification.answer = 'denied'")
    wish.click()
    expect(page.locator(".toast").last).to_contain_text("The browser does not allow notices")
    expect(wish).not_to_be_checked()
    page.evaluate("Notification.answer = 'granted'")
    wish.check()
    painted(page, "a lake that she sees")
    assert page.evaluate("notes") == []
    page.evaluate("unseen = true")
    painted(page, "a lake behind her back")
    [[title, body]] = page.evaluate("notes")
    assert title == "Inkstone"
    assert body.startswith("Done")
    page.evaluate("unseen = false")
    to(page, "settings")
    wish.uncheck()
    page.evaluate("unseen = true")
    painted(page, "a lake, no longer asked for")
    assert len(page.evaluate("notes")) == 1
    page.evaluate("unseen = false")


def test_a_bell_rings_only_for_who_asked_for_it(page: Page):
    painted(page, "a quiet lake")
    assert page.evaluate("bells") == 0
    to(page, "settings")
    wish = page.get_by_label("A soft bell when a picture is done")
    wish.check()
    assert page.evaluate("bells") == 1, "so she knows how it sounds"
    painted(page, "a temple by a lake")
    assert page.evaluate("bells") == 2
    page.reload()
    ready(page)
    to(page, "settings")
    expect(wish).to_be_checked()
    wish.uncheck()
    painted(page, "a quiet lake again")
    assert page.evaluate("bells") == 0


def test_another_language_reaches_the_settings_and_stays(page: Page):
    title = page.locator(".settings h2").nth(1)
    expect(title).to_have_text("File names")
    page.select_option(".languages", CHINESE)
    expect(title).to_have_text("文件名")
    expect(page.locator(".settings .memory")).to_have_text(re.compile("^模型的 .+ 个部件占用"))
    expect(page.locator(".settings .folders dt").first).to_have_text("你的画与全部数据")
    page.reload()
    ready(page)
    to(page, "settings")
    expect(title).to_have_text("文件名")
    page.select_option(".languages", ENGLISH)
    expect(title).to_have_text("File names")
    expect(page.locator(".settings .folders dt").first).to_have_text("Your pictures and everything kept")


def test_the_question_mark_shows_every_key_of_the_canvas_and_escape_closes_it(page: Page):
    listed = page.locator("dialog.keys")
    page.get_by_label("Files are called").press("?")
    expect(listed).to_have_count(0)  # where she writes it is a letter
    to(page, "sketch")
    for language, title, place in ((CHINESE, "画布上", 1), (ENGLISH, "On the canvas", 0)):
        page.select_option(".languages", language)
        page.wait_for_function("tag => document.documentElement.lang === tag", arg=language)
        page.locator(".c-sheet").focus()
        page.keyboard.press("?")
        expect(listed).to_be_visible()
        found = dict(page.evaluate(LISTED, title))
        named = {"Wheel": "滚轮", "Shift+wheel": "Shift+滚轮"} if place else {}
        assert found == {named.get(key, key): words[place] for key, words in KEYS.items()}
        page.keyboard.press("Escape")
        expect(listed).to_be_hidden()
    letters = [one for keys in KEYS for one in keys.split() if len(one) == 1 and one.isalpha()]
    reached = set[str]()
    for letter in letters:
        page.keyboard.press(letter.lower())
        reached.add(page.evaluate("inkstone.canvas.settings.tool"))
    tools = page.eval_on_selector_all(".c-tools [data-tool]", "all => all.map(one => one.dataset.tool)")
    assert set(tools) <= reached, "no tool has a key that is not listed"
