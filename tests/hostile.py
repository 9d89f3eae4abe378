"""Hostile texts for tests, a studio full of them, and a page on which one that runs is noticed."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import torch
from halls import models_folder
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request
from safetensors.torch import save_file
from tiny import starter_folder

from studio import metadata
from studio.models.elsewhere import remember
from studio.recipe import Recipe
from studio.settings import PROJECT
from studio.studio import Studio

BOOM = "window.pwned=1"
IMG = f"<img data-pwned src=x onerror={BOOM}>"
ARMED = {  # what runs, or becomes an element, wherever it is written as HTML
    "script": f"<script data-pwned>{BOOM};alert(1)</script>",
    "picture": IMG,
    "drawing": f"<svg data-pwned onload={BOOM}>",
    "link": f"<a data-pwned href='javascript:{BOOM}'>come in</a>",
    "frame": f"<iframe data-pwned srcdoc='&lt;script&gt;top.{BOOM}&lt;/script&gt;'></iframe>",
    "fold": f"<details data-pwned open ontoggle={BOOM}>",
    "double quote": f'">{IMG}',
    "single quote": f"'>{IMG}",
    "attribute": f'" data-pwned autofocus tabindex=1 onfocus={BOOM} x="',
    "text field": f"</textarea>{IMG}",
    "comment": f"-->{IMG}",
    "long": IMG + "墨" * 9_900,
}
QUIET = {  # what runs, or changes, where a text is taken for a template, decoded twice, or mirrored
    "handlebars": "{{constructor.constructor('" + BOOM + "')()}}{{{this}}}",
    "template": "${" + BOOM + "} {n} $& $' $` $$",
    "escaped": "\\u003cimg data-pwned src=x onerror=" + BOOM + "\\u003e",
    "entities": f"&lt;img data-pwned src=x onerror={BOOM}&gt; &amp;",
    "turned": "lake\u202egnp.exe\u2066 \u200b\u0301é 龍",
    "quotes": "《山》「松」“雾” <b data-pwned>‘青’</b>",
}
HOSTILE = [*ARMED.values(), *QUIET.values()]
FEW = [text for name, text in (ARMED | QUIET).items() if name in {
    "picture", "double quote", "attribute", "text field", "handlebars", "template", "entities", "quotes"
}]  # fmt: skip
LEAST = FEW[1::2]  # where each takes long
BRIEF = [text[:60] for text in HOSTILE]
ALBUMS = [text[:100] for text in HOSTILE if text.isprintable()]  # others are refused for an album's name
NAMES = [text.replace("/", "∕")[:60] for text in FEW]  # as files may be called
MARKS = "[data-pwned], [onerror], [onload], [onfocus], [ontoggle], [srcdoc], [href^=javascript]"
WRITTEN = ("{}", '<i title="{}"></i>', "<i title='{}'></i>", "<textarea>{}</textarea>", "<!--{}-->")


# --- whatever runs rings


@dataclass(frozen=True)
class Watched:
    """A page, and what rang: a dialog, a request or a fault that only a text which ran can have made."""

    page: Page
    rung: list[str] = field(default_factory=list[str])

    def listen(self) -> None:
        """Begin anew, so that each place rings for itself."""
        self.rung.clear()
        self.page.evaluate("delete window.pwned")

    def silent(self) -> None:
        assert self.rung == []
        assert self.page.evaluate("window.pwned") is None
        assert self.page.eval_on_selector_all(MARKS, "all => all.map((one) => one.outerHTML)") == []


def watched(context: BrowserContext) -> Watched:
    found = Watched(context.new_page())

    def asked(dialog: Dialog) -> None:
        found.rung.append(dialog.message)
        dialog.dismiss()

    def requested(request: Request) -> None:
        if urlsplit(request.url).path.endswith("/x"):
            found.rung.append(request.url)

    found.page.on("dialog", asked)
    found.page.on("request", requested)
    found.page.on("pageerror", lambda error: found.rung.append(str(error)))
    return found


def context_in(chromium: Browser, locale: str) -> BrowserContext:
    """A browser that ignores the page's Content-Security-Policy: whatever becomes HTML runs."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 900}, locale=locale, bypass_csp=True, accept_downloads=True
    )
    context.set_default_timeout(30_000)
    return context


# --- a studio in which everything is called so


def called_so(root: Path) -> tuple[Path, Path]:
    """Folders of models and of presets: files, known words and styles, each of these names."""
    models, presets = models_folder(root / "models"), root / "presets"
    for kind in ("upscalers", "loras", "embeddings", "vae", "controlnet"):
        (models / kind).mkdir(exist_ok=True)
        for name in NAMES:
            save_file({"a": torch.zeros(1)}, models / kind / f"word{name}.safetensors")
    for name in NAMES[:2]:
        starter_folder(models / "checkpoints" / f"c{name}")
    (root / NAMES[1] / "loras").mkdir(parents=True)
    remember(models, root / NAMES[1])
    words = json.loads((PROJECT / "models" / "starter" / "words.json").read_text("utf-8"))
    words["concepts"].append({"concept": "hostile", "en": [], "zh": [f"龘{text[:60]}" for text in FEW]})
    (models / "starter" / "words.json").write_text(json.dumps(words), "utf-8")
    presets.mkdir()
    for n, text in enumerate(HOSTILE):
        said = {"title": text[:80], "about": text[:400]}
        style = {**said, "translations": {"zh-CN": said}, "recipe": {"prompt": text}}
        (presets / f"{n}{NAMES[n % 8]}.json").write_text(json.dumps(style), "utf-8")
    return models, presets


def hung(studio: Studio, painter: str) -> None:
    """A picture, an album, a prompt of before and a layer for each of them; her way of calling files, too."""
    first, layers = "", []
    for n, text in enumerate(HOSTILE):
        recipe = Recipe(
            prompt=text, negative=text, model=text[:100], width=64, height=64, seed=n, steps=n + 1
        )
        facts = {"model": {"id": text, "title": text}, "warnings": [text], "parent": first}
        png = metadata.write_png(Image.new("RGB", (64, 64)), recipe, facts)
        picture = studio.gallery.keep(painter, secrets.token_hex(16), png)
        first = first or picture.id
        if text[:100] in ALBUMS:
            studio.gallery.album(painter, [picture.id], text[:100])
        studio.habits.remember(painter, recipe.but(model="starter"), 1)
        layer = {"id": f"a{n}", "kind": "paint", "name": text[:60], "opacity": 1, "hidden": False}
        layers.append({**layer, "locked": False, "picture": None, "strokes": []})
    studio.sheets.keep_draft(painter, "canvas", {"version": 1, "width": 64, "height": 64, "layers": layers})
    studio.habits.call(painter, IMG)
