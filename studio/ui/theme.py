"""Ink and paper: colours and fonts for Gradio's own widgets. The rest is `assets/page.css`."""

from __future__ import annotations

from gradio.themes import Base
from gradio.themes.utils import colors, sizes

PAPER, SHEET, INK = "#f6f1e7", "#fcf9f2", "#1d1b18"
NIGHT, NIGHT_SHEET, MOON = "#171614", "#201e1b", "#ece5d8"
SEAL, SEAL_NIGHT = "#b3261e", "#d1493f"
MINERAL, MINERAL_NIGHT = "#2c6e70", "#7cb8b1"

# Scales around the mineral blue-green and the grey of diluted ink, light to dark.
MINERALS = colors.Color(
    c50="#eef5f3", c100="#d7e8e5", c200="#b0d1cc", c300="#85b7b2", c400="#5a9a98", c500="#3d8284",
    c600=MINERAL, c700="#245a5c", c800="#1d4748", c900="#173637", c950="#0e2324", name="mineral",
)  # fmt: skip
INKS = colors.Color(
    c50="#faf7f0", c100="#f0ebe0", c200="#e0d9cb", c300="#c6bdad", c400="#9d9484", c500="#786f61",
    c600="#5b5449", c700="#423d35", c800="#2b2824", c900=INK, c950="#12110f", name="ink",
)  # fmt: skip

BODY = (
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "PingFang SC",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "sans-serif",
)
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def theme() -> Base:
    """The theme, light and dark. All fonts are the system's own."""
    base = Base(
        primary_hue=MINERALS,
        secondary_hue=MINERALS,
        neutral_hue=INKS,
        text_size=sizes.text_md,
        radius_size=sizes.radius_sm,
        font=BODY,
        font_mono=MONO,
    )
    return base.set(
        body_background_fill=PAPER,
        body_background_fill_dark=NIGHT,
        body_text_color=INK,
        body_text_color_dark=MOON,
        body_text_color_subdued="#6d6558",
        body_text_color_subdued_dark="#a39a8b",
        background_fill_primary=SHEET,
        background_fill_primary_dark=NIGHT_SHEET,
        background_fill_secondary="#f1ebdf",
        background_fill_secondary_dark="#1b1a17",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_padding="0px",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_title_text_color="#4f483e",
        block_title_text_color_dark="#c9c0b0",
        block_title_text_size="13px",
        block_title_text_weight="500",
        block_info_text_size="12px",
        block_info_text_color="#6d6558",
        block_info_text_color_dark="#979082",
        border_color_primary="#ddd5c5",
        border_color_primary_dark="#3a362f",
        border_color_accent=MINERAL,
        border_color_accent_dark=MINERAL_NIGHT,
        color_accent_soft="#e4eeeb",
        color_accent_soft_dark="#22302f",
        panel_background_fill="transparent",
        panel_background_fill_dark="transparent",
        input_background_fill=SHEET,
        input_background_fill_dark="#1c1a18",
        input_background_fill_focus="#ffffff",
        input_background_fill_focus_dark="#1f1d1a",
        input_border_color="#d8cfbe",
        input_border_color_dark="#3a362f",
        input_border_color_focus=MINERAL,
        input_border_color_focus_dark=MINERAL_NIGHT,
        input_border_width="1px",
        input_shadow="none",
        input_shadow_focus="0 0 0 3px rgba(44,110,112,.14)",
        input_shadow_focus_dark="0 0 0 3px rgba(124,184,177,.16)",
        input_placeholder_color="#70675a",
        input_placeholder_color_dark="#8f8677",
        button_border_width="1px",
        button_primary_shadow="none",
        button_secondary_shadow="none",
        button_primary_background_fill=SEAL,
        button_primary_background_fill_dark="#a8332b",
        button_primary_background_fill_hover="#9c1f18",
        button_primary_background_fill_hover_dark="#bb3c33",
        button_primary_border_color="transparent",
        button_primary_text_color="#fff8ef",
        button_primary_text_color_dark="#fff3e8",
        button_secondary_background_fill="transparent",
        button_secondary_background_fill_dark="transparent",
        button_secondary_background_fill_hover="#ece5d7",
        button_secondary_background_fill_hover_dark="#2a2723",
        button_secondary_border_color="#d3c9b7",
        button_secondary_border_color_dark="#433e36",
        button_secondary_text_color="#3a352d",
        button_secondary_text_color_dark="#d9d0c1",
        slider_color=MINERAL,
        slider_color_dark=MINERAL_NIGHT,
        checkbox_background_color=SHEET,
        checkbox_background_color_dark="#1c1a18",
        checkbox_background_color_selected=MINERAL,
        checkbox_background_color_selected_dark="#3d8284",
        checkbox_border_color="#b9ae9b",
        checkbox_border_color_dark="#544d42",
        checkbox_label_background_fill="transparent",
        checkbox_label_background_fill_dark="transparent",
        checkbox_label_background_fill_hover="#ece5d7",
        checkbox_label_background_fill_hover_dark="#2a2723",
        checkbox_label_border_color="#d3c9b7",
        checkbox_label_border_color_dark="#433e36",
        checkbox_label_shadow="none",
        error_background_fill="#fbeeea",
        error_background_fill_dark="#2b1b19",
        error_text_color=SEAL,
        error_text_color_dark=SEAL_NIGHT,
    )
