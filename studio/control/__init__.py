"""From a picture or a sketch to the control image that a ControlNet wants."""

from __future__ import annotations

from studio.control.hints import HINTS, hint, is_lines, is_ready, weights_of

__all__ = ["HINTS", "hint", "is_lines", "is_ready", "weights_of"]
