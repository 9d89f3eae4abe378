"""`Part`: the frozen, checked value that recipes, settings and events are made of."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A value that cannot change, has no unknown fields, and holds only finite numbers.

    Every field carries its bounds, title and help; the form, the HTTP API, the command line,
    presets and the picture's metadata are derived from them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    def but(self, **changes: Any) -> Self:
        """A copy with some fields changed, checked like a new value.

        Raises `pydantic.ValidationError` when a change is out of bounds or names no field
        (pydantic's own `model_copy` would skip that check).
        """
        return type(self).model_validate({**dict(self), **changes})
