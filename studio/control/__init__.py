"""From a picture or a sketch to the control image that a ControlNet wants."""

from __future__ import annotations

from studio.control.hints import HINTS, hint

__all__ = ["HINTS", "hint"]
