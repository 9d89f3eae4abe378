"""Forty payloads through everything that can be written, in a real Chromium: they stay text."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from halls import models_folder, page_of, studio_at
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Browser, Page, expect
from safetensors.torch import save_file
from tiny import starter_folder

from studio import metadata
from studio.recipe import Recipe
from studio.studio import Studio
from studio.web import Server

WAIT = 60_000
PROMPT = "#field-prompt textarea"
LEAVES = ".wall .leaf"
ACTS = (
    "<script>window.hacked=1;alert(1)</script>",
    "<img src=x onerror=window.hacked=1;alert(1)>",
    "<svg onload=window.hacked=1;alert(1)>",
    "<iframe srcdoc='&lt;script&gt;top.hacked=1&lt;script&gt;'>",
    "<details open ontoggle=window.hacked=1;alert(1)>",
)
AROUND = (
    ("", ""), ('">', ""), ("'>", ""), ("</textarea>", ""), ("${", "}"), ("{{", "}}"), ("-->", ""),
    ("\\u003c", "`"),
)  # fmt: skip
PAYLOADS = [f"{before}{act}{after}" for before, after in AROUND for act in ACTS]
NAMES = [f"{before}<img src=x onerror=window.hacked=1>" for before in ("", "'>", "${1}", "{{1}}")]
MARKS = "img[src=x], iframe[srcdoc], svg[onload], details[ontoggle], [onerror]"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("payloads")
    models = models_folder(root / "models")
    for n, name in enumerate(NAMES):
        for kind in ("upscalers", "loras", "embeddings", "vae", "controlnet"):
            (models / kind).mkdir(exist_ok=True)
            save_file({"a": torch.zeros(1)}, models / kind / f"{n}{name}.safetensors")
    starter_folder(models / "checkpoints" / f"c{NAMES[0]}")
    with studio_at(root / "data", models) as studio:
        yield studio


@pytest.fixture(scope="module")
def server(studio: Studio) -> Iterator[Server]:
    with page_of(studio) as server:
        yield server


def hung(studio: Studio) -> None:
    """A picture for each payload: its prompt, negative prompt, album, and what its file says of its model."""
    her = studio.painters.owner()
    for payload in PAYLOADS:
        recipe = Recipe(prompt=payload, negative=payload, width=64, height=64, seed=1)
        facts = {"model": {"id": payload, "title": payload, "family": payload}, "warnings": [payload]}
        png = metadata.write_png(Image.new("RGB", (64, 64)), recipe, facts)
        picture = studio.gallery.keep(her, secrets.token_hex(16), png)
        studio.gallery.album(her, [picture.id], payload[:100])


def dropped(page: Page, studio: Studio, folder: Path) -> None:
    """Files by other programs, whose every text is a payload, dropped as a browser sends them."""
    for n, payload in enumerate(PAYLOADS):
        info = PngInfo()
        said = f"{payload}\nNegative prompt: {payload}\nSteps: 2, Sampler: {payload}, Seed: 1, "
        info.add_text("parameters", f"{said}Model: {payload}, Size: 64x64, {payload}: {payload}")
        info.add_itxt("Comment", payload)
        path = folder / f"{n}.png"
        Image.new("RGB", (64, 64)).save(path, pnginfo=info)
        data = base64.b64encode(path.read_bytes()).decode()
        if n % 16 != 1:  # the route says the same without the page
            studio.restore(path.read_bytes(), studio.painters.owner())
            continue
        page.evaluate(
            """([data, name]) => {
              const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
              const dataTransfer = new DataTransfer();
              dataTransfer.items.add(new File([bytes], name, { type: "image/png" }));
              const how = { bubbles: true, cancelable: true, dataTransfer };
              for (const kind of ["dragenter", "dragover", "drop"])
                document.body.dispatchEvent(new DragEvent(kind, how));
            }""",
            [data, payload],
        )
        expect(page.locator(PROMPT)).to_have_value(payload)


def test_forty_payloads_stay_text_wherever_they_are_shown(
    studio: Studio, server: Server, chromium: Browser, tmp_path: Path
):
    assert len(set(PAYLOADS)) == 40
    hung(studio)
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    context.set_default_timeout(WAIT)
    page, said = context.new_page(), list[str]()
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))

    def sound() -> None:
        assert said == []
        assert page.evaluate("window.hacked") is None
        assert page.locator(MARKS).count() == 0

    page.goto(server.url)
    page.wait_for_selector("body.ready")
    for payload in PAYLOADS:
        page.fill(PROMPT, payload)
    page.click("#paint")
    expect(page.locator(".tile, .thumb").first).to_be_visible()
    dropped(page, studio, tmp_path)
    sound()
    page.click("[role=tab][data-tab=models]")
    expect(page.locator("#page-models")).to_contain_text(NAMES[0])
    sound()
    page.click("[role=tab][data-tab=gallery]")
    page.fill(".gallery .search", "hacked")
    page.locator(LEAVES).first.click()
    shown = set[str]()
    for _ in range(len(AROUND) + len(ACTS)):
        shown.add(page.locator(".large .prompt").inner_text())
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    assert len(shown & set(PAYLOADS)) > len(AROUND), "each is shown as it was written"
    labels = page.eval_on_selector_all(LEAVES, "all => all.map(one => one.getAttribute('aria-label'))")
    assert len(set(labels) & set(PAYLOADS)) > len(AROUND)
    sound()
    page.select_option(".gallery select.album", PAYLOADS[1][:100])
    expect(page.locator(LEAVES)).to_have_count(1)
    page.reload()
    page.wait_for_selector("body.ready")
    sound()
    context.close()
