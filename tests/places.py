"""Every place of the page where somebody's words are shown: how one goes there, and what stands there."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from hostile import ALBUMS, BOOM, BRIEF, FEW, HOSTILE, IMG, LEAST, NAMES, QUIET
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import FilePayload, Page, expect

PROMPT = "#field-prompt textarea"


@dataclass(frozen=True)
class Place:
    go: Callable[[Page], Iterable[str]]
    texts: Sequence[str]
    guests: bool


PLACES: dict[str, Place] = {}


def place(texts: Sequence[str], guests: bool = True) -> Callable[[Callable[[Page], Iterable[str]]], None]:
    """A place where all of these texts stand; `guests` have it, too."""

    def keep(go: Callable[[Page], Iterable[str]]) -> None:
        PLACES[go.__name__] = Place(go, texts, guests)

    return keep


def told(page: Page, css: str, what: str = "textContent") -> list[str]:
    """What the elements say, once the first is there: their text, a property or an attribute."""
    page.wait_for_selector(css, state="attached")
    read = "(all, what) => all.map((one) => what in one ? one[what] : one.getAttribute(what))"
    return page.eval_on_selector_all(css, read, what)


def fresh(page: Page) -> None:
    page.evaluate("""() => {
      document.querySelectorAll("dialog[open]").forEach((one) => one.close());
      document.querySelectorAll(".toast").forEach((one) => one.remove());
      inkstone.tab("txt2img");
      inkstone.chips.set({});
      document.activeElement?.blur();
    }""")
    page.fill(PROMPT, "")
    page.locator(PROMPT).blur()


def toasted(page: Page, act: Callable[[], object]) -> str:
    """The message that comes of it."""
    page.evaluate("document.querySelectorAll('.toast').forEach((one) => one.remove())")
    act()
    expect(page.locator(".toast")).not_to_have_count(0)
    return page.locator(".toast span").first.inner_text()


def dropped(page: Page, data: bytes, name: str) -> None:
    """A picture dropped onto the page, under this name."""
    page.evaluate(
        """([data, name]) => {
          const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0)), held = new DataTransfer();
          held.items.add(new File([bytes], name, { type: "image/png" }));
          const how = { bubbles: true, cancelable: true, dataTransfer: held };
          document.body.dispatchEvent(new DragEvent("drop", how));
        }""",
        [base64.b64encode(data).decode(), name],
    )


def chosen(page: Page) -> None:
    """One picture of the gallery is chosen."""
    page.evaluate("inkstone.tab('gallery')")
    page.locator(".wall .leaf").first.click(modifiers=["Control"])


@place(BRIEF)
def the_strip(page: Page) -> Iterable[str]:
    expect(page.locator(".shelf .thumb")).to_have_count(len(HOSTILE))
    assert told(page, ".shelf .thumb", "title") == [text[:300] for text in reversed(HOSTILE)]
    return told(page, ".shelf .thumb img", "alt")


@place(BRIEF)
def the_wall_of_the_gallery(page: Page) -> Iterable[str]:
    page.evaluate("inkstone.tab('gallery')")
    expect(page.locator(".wall .leaf")).to_have_count(len(HOSTILE))
    assert told(page, ".wall .leaf", "title") == [text[:300] for text in reversed(HOSTILE)]
    return told(page, ".wall .leaf", "aria-label")


@place([f"{text} · 1" for text in ALBUMS])
def the_albums(page: Page) -> Iterable[str]:
    page.evaluate("inkstone.tab('gallery')")
    expect(page.locator(".gallery .album option")).to_have_count(len(ALBUMS) + 1)
    return told(page, ".gallery select.album option")


@place([f"{text[:100]} · 1" for text in HOSTILE])
def the_models_of_pictures(page: Page) -> Iterable[str]:
    page.evaluate("inkstone.tab('gallery')")
    expect(page.locator(".gallery .model option")).to_have_count(len(HOSTILE) + 1)
    return told(page, ".gallery select.model option")


@place(HOSTILE)
def the_large_view(page: Page) -> Iterable[str]:
    page.evaluate("inkstone.tab('gallery')")
    page.locator(".wall .leaf").first.click()
    for text in reversed(HOSTILE):
        expect(page.locator(".large .room img")).to_have_attribute("alt", text[:300])
        expect(page.locator(".large .facts")).to_contain_text(re.compile(r"Seed \d|种子 \d|\d × \d"))
        yield page.locator(".large .prompt").inner_text()
        page.keyboard.press("ArrowRight")


@place(BRIEF[-6:])
def what_two_pictures_differ_in(page: Page) -> Iterable[str]:
    page.evaluate("inkstone.tab('gallery')")
    leaves = page.locator(".wall .leaf")
    for n in range(0, 6, 2):
        for leaf in (leaves.nth(n), leaves.nth(n + 1)):
            leaf.click(modifiers=["Control"])
        page.click("[data-do=compare]")
        expect(page.locator("dialog.compare .differ .item")).not_to_have_count(0)
        yield from told(page, "dialog.compare .differ i")
        page.click("dialog.compare .close")
        page.click("[data-do=clear]")


@place(ALBUMS)
def the_albums_that_are_offered_for_a_picture(page: Page) -> Iterable[str]:
    chosen(page)
    page.click("[data-do=album]")
    yield from told(page, "dialog.slip .picks button")
    page.keyboard.press("Escape")
    page.click("[data-do=clear]")


@place([text[:100] for text in LEAST])
def what_is_said_when_a_picture_comes_into_an_album(page: Page) -> Iterable[str]:
    for text in LEAST:
        chosen(page)
        page.click("[data-do=album]")
        page.fill("dialog.slip input", text[:100])
        yield toasted(page, lambda: page.click("dialog.slip .strong"))


@place([text[:100] for text in LEAST])
def what_is_asked_before_an_album_goes(page: Page) -> Iterable[str]:
    page.evaluate("inkstone.tab('gallery')")
    for text in LEAST:
        page.select_option(".gallery select.album", text[:100])
        page.click(".gallery .dissolve")
        yield page.locator("dialog.slip p").inner_text()
        page.keyboard.press("Escape")
        page.click(".gallery .rename")
        assert page.locator("dialog.slip input").input_value() == text[:100]
        page.keyboard.press("Escape")
    page.select_option(".gallery select.album", "")


@place(HOSTILE)
def the_prompts_of_before(page: Page) -> Iterable[str]:
    page.click("[data-tool=history]")
    assert all(text in "".join(told(page, ".past-list small")) for text in HOSTILE), "without: …"
    return told(page, ".past-list button")


@place(BRIEF[-12:])
def the_ends_of_a_journey(page: Page) -> Iterable[str]:
    page.evaluate("document.querySelector('.explore').open = document.querySelector('.travel').open = true")
    yield from told(page, ".travel .end", "title")
    yield from told(page, ".travel .end img", "alt")
    page.evaluate("inkstone.tab('img2img')")
    page.evaluate("document.querySelector('details.scroll').open = true")
    page.click("details.scroll .choose")
    yield from told(page, "details.scroll .end", "aria-label")


@place(NAMES)
def the_names_that_complete_themselves(page: Page) -> Iterable[str]:
    for begun in ("<lora:word", "a word"):
        page.fill(PROMPT, "")
        page.locator(PROMPT).press_sequentially(begun)
        expect(page.locator("#completions:not([hidden]) li")).to_have_count(len(NAMES))
        yield from told(page, "#completions li")


@place([text[:60] for text in FEW])
def the_words_that_a_model_says_it_knows(page: Page) -> Iterable[str]:
    page.fill(PROMPT, "")
    page.locator(PROMPT).press_sequentially("龘")
    return told(page, "#completions:not([hidden]) li")


@place([text[:80].strip() for text in HOSTILE])
def the_styles_that_she_has_and_those_she_brings(page: Page) -> Iterable[str]:
    page.click("[data-tool=styles]")
    assert {text[:80] for text in HOSTILE} <= {*told(page, ".style b")}
    assert {text[:400] for text in HOSTILE} <= {*told(page, ".style small")}
    lines = [
        ",".join('"' + one.replace('"', '""') + '"' for one in (text[:80], text, text)) for text in HOSTILE
    ]
    table = "\n".join(["name,prompt,negative_prompt", *lines]).encode()
    brought: FilePayload = {"name": NAMES[0], "mimeType": "text/csv", "buffer": table}
    toasted(page, lambda: page.set_input_files("dialog.styles input[type=file]", brought))
    return told(page, ".style[data-style^='own/'] b")


@place(BRIEF)
def the_layers_of_the_canvas(page: Page) -> Iterable[str]:
    page.evaluate("inkstone.tab('sketch')")
    page.click("[data-open=layers]")
    yield from told(page, ".c-layer .c-name", "value")
    page.click("[data-open=layers]")


@place(NAMES)
def the_choosers_of_models(page: Page) -> Iterable[str]:
    for fold in ("larger", "finishing", "advanced"):
        head = page.locator(f"#{fold} > .label-wrap")
        if "open" not in str(head.get_attribute("class")):
            head.click()
    page.check("#field-hires input")
    for name in ("vae", "hires-upscaler", "model"):
        page.locator(f"#field-{name} input").click()
        yield from told(page, f"#field-{name} [role=option], [role=listbox] [role=option]", "aria-label")
        page.keyboard.press("Escape")
    page.uncheck("#field-hires input")


@place(HOSTILE)
def what_a_picture_carries_besides(page: Page) -> Iterable[str]:
    page.evaluate("all => inkstone.chips.set(Object.fromEntries(all.map((one) => [one, 1])))", HOSTILE)
    return told(page, ".chips li")


@place([text[:60] for text in LEAST])
def what_is_said_of_a_name_that_nothing_has(page: Page) -> Iterable[str]:
    for text in LEAST:
        yield toasted(page, lambda text=text: page.evaluate("name => inkstone.emit('style', { name })", text))


@place(LEAST)
def what_a_picture_made_elsewhere_says(page: Page) -> Iterable[str]:
    """An A1111 infotext, dropped; what cannot be taken over is told."""
    for text in LEAST:
        quoted, sent = json.dumps(text, ensure_ascii=False), io.BytesIO()
        said = f"{text}\nNegative prompt: {text}\nSteps: 2, Sampler: {quoted}, Seed: 1, Size: 64x64"
        info = PngInfo()
        info.add_itxt("parameters", f"{said}, Model: {quoted}, {BOOM}: {quoted}")
        Image.new("RGB", (64, 64)).save(sent, "PNG", pnginfo=info)
        toast = toasted(page, lambda sent=sent, text=text: dropped(page, sent.getvalue(), text))
        assert text[:20] in toast, "its sampler is not known here"
        expect(page.locator(PROMPT)).to_have_value(text)
        yield page.locator(PROMPT).input_value()


@place(FEW)
def the_mirror_behind_the_prompt(page: Page) -> Iterable[str]:
    for text in FEW:
        page.fill(PROMPT, text)
        yield from told(page, "div.mirror")


@place(["img", "data", "onerror"])
def the_honest_question(page: Page) -> Iterable[str]:
    page.fill(PROMPT, f"a lake, {IMG}")
    expect(page.locator(".mirror u")).not_to_have_count(0)
    yield from told(page, ".doubt")
    page.click("#paint")
    yield from told(page, "dialog.honest em")
    page.keyboard.press("Escape")


@place([])
def what_is_painted(page: Page) -> Iterable[str]:
    """A picture of these words, from the button to the last message of its painter."""
    for text in (IMG, QUIET["turned"]):
        page.fill(PROMPT, f"{text} warn={IMG.replace(' ', '/')} ms=20")
        page.click("#paint")
        page.wait_for_selector("[data-answer=paint], .toast")
        if page.locator("[data-answer=paint]").count():
            page.click("[data-answer=paint]")
        expect(page.locator(".toast")).to_contain_text(IMG.replace(" ", "/"))
        yield page.locator(".toast").inner_text()
        page.evaluate("document.querySelectorAll('.toast').forEach((one) => one.remove())")


@place([text for text in HOSTILE if len(text) < 200])
def the_labels_of_a_grid(page: Page) -> Iterable[str]:
    texts = [text for text in HOSTILE if len(text) < 200]
    page.evaluate("document.querySelector('.explore').open = true")
    page.fill(PROMPT, "lake")
    page.locator(".explore .axis select").first.select_option("replace")
    page.locator(".explore .axis textarea").first.fill("\n".join(["lake", *texts]))
    page.click(".explore .go")
    page.click("[data-answer=paint]")
    page.wait_for_selector(".tiles.gridded")
    yield from told(page, ".grid-label", "title")
    page.wait_for_function("!document.body.matches('.painting, .sending, .gathering')")
    page.click(".explore .last")
    yield from told(page, ".lattice th")


@place([])
def the_files_that_are_uploaded(page: Page) -> Iterable[str]:
    sent = io.BytesIO()
    Image.new("RGB", (64, 64)).save(sent, "PNG")
    for tab in ("img2img", "finish"):
        page.evaluate("(tab) => inkstone.tab(tab)", tab)
        for name in NAMES:
            dropped(page, sent.getvalue(), name)
    page.wait_for_selector(".well .row img")
    return ()


# --- the owner's own


@place([name[:40] for name in NAMES], guests=False)
def the_models_that_are_here(page: Page) -> Iterable[str]:
    page.evaluate("inkstone.tab('models')")
    return told(page, ".models .here .model b")


@place(NAMES[1::2], guests=False)
def the_folders_of_other_programs(page: Page) -> Iterable[str]:
    page.evaluate("inkstone.tab('models')")
    for name in NAMES[1::2]:
        page.fill(".models .use input", f"/{name}")
        yield toasted(page, lambda: page.click(".models .use button"))
    yield from told(page, ".models .folders li")


@place([IMG, NAMES[0]], guests=False)
def the_settings(page: Page) -> Iterable[str]:
    page.evaluate("inkstone.tab('settings')")
    expect(page.locator(".settings .folders dd")).not_to_have_count(0)
    yield page.locator(".settings .pattern").input_value()
    yield from told(page, ".settings .folders dd")


@place(NAMES[:2], guests=False)
def the_invitation(page: Page) -> Iterable[str]:
    """Guests have numbers, no names; what they may paint with has."""
    page.click(".masthead .share .open")
    assert told(page, ".present li b") == ["Guest 1"]
    return told(page, ".sharing .allowed label")
