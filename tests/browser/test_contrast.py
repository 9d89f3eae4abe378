"""Whatever is written on the page can be read, in both themes (WCAG 2.2, 1.4.3: 4.5 to 1)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from halls import models_folder, page_of, studio_at
from playwright.sync_api import Browser

from studio.web import Server

TABS = ("sketch", "txt2img", "img2img", "highres", "finish", "gallery", "models", "settings")
FAINT = """() => {
  const parts = text => {
    const numbers = text.replace(/^color\\(srgb/, "").match(/[\\d.]+/g).map(Number);
    const share = text.startsWith("color(") ? 1 : 255;
    return [...numbers.slice(0, 3).map(value => value / share), numbers[3] ?? 1];
  };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3]));
  const linear = value => value <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
  const bright = color => color.map(linear)
    .reduce((sum, value, i) => sum + value * [.2126, .7152, .0722][i], 0);
  const ground = one => {
    const layers = [];
    for (let at = one; at && layers[0]?.[3] !== 1; at = at.parentElement) {
      const sheet = at.matches(".c-invite");  // lies on the white sheet, which is no ancestor
      layers.unshift(sheet ? [1, 1, 1, 1] : parts(getComputedStyle(at).backgroundColor));
    }
    return layers.reduce((under, top) => over(top, under), [1, 1, 1]);
  };
  const solid = one => one ? solid(one.parentElement) * getComputedStyle(one).opacity : 1;
  const ratio = one => {
    const under = ground(one), [r, g, b, a] = parts(getComputedStyle(one).color);
    const [high, low] = [over([r, g, b, a * solid(one)], under), under].map(bright).sort((x, y) => y - x);
    return (high + .05) / (low + .05);
  };
  const written = one => [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
  const read = [...document.querySelectorAll("body *")].filter(one => written(one)
    && one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && one.getClientRects().length
    && !one.closest(":disabled, [aria-disabled=true], option"));
  return [read.length, read.filter(one => ratio(one) < 4.45)
    .map(one => `${one.textContent.trim().slice(0, 40)} (${one.className}): ${ratio(one).toFixed(2)}`)];
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("contrast")
    with studio_at(root / "data", models_folder(root / "models")) as studio, page_of(studio) as server:
        yield server


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_written_can_be_read(chromium: Browser, server: Server, theme: str, width: int):
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    page = context.new_page()
    page.goto(server.url)
    page.wait_for_function("window.inkstone?.ready && inkstone.canvas?.size && inkstone.form")
    for tab in TABS:
        page.evaluate("tab => inkstone.tab(tab)", tab)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        page.evaluate("Promise.allSettled(document.getAnimations().map(one => one.finished))")
        seen, faint = page.evaluate(FAINT)
        assert seen > 10, "there is something to read"
        assert faint == [], f"too faint in {tab}"
    context.close()
