"""Folders, device, budgets and limits: read once, at the edge, then passed down as one frozen value."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from studio.part import Part

PROJECT = Path(__file__).resolve().parent.parent


class Limits(Part):
    """What one painter may ask for. Sizes are pixels a side, megapixels, bytes or counts."""

    waiting: int = Field(default=50, ge=1, title="Waiting jobs a painter")
    waiting_all: int = Field(default=500, ge=1, title="Waiting jobs in all")
    live: int = Field(default=8, ge=1, title="Painters drawing live at once")
    pictures: int = Field(default=64, ge=1, title="Pictures a request")
    steps: int = Field(default=150, ge=1, title="Steps")
    side: int = Field(default=4096, ge=64, title="Side of a picture, pixels")
    cost: float = Field(default=4000, gt=0, title="Megapixels × steps a job")
    megapixels: float = Field(default=64, gt=0, title="Megapixels of a finished picture")
    parts: int = Field(default=1024, ge=1, title="Parts of a handscroll")
    upload_bytes: int = Field(default=64 * 2**20, ge=2**20, title="Bytes of an uploaded picture")
    free_bytes: int = Field(default=2 * 2**30, ge=0, title="Disk space that is never used up, bytes")
    job_seconds: float = Field(default=1800, gt=0, title="Longest job, seconds")
    prompt: int = Field(default=10_000, ge=1, title="Characters of a prompt")
    hourly: float = Field(default=0, ge=0, title="Megapixels × steps an hour; 0: no bound")
    hourly_live: float = Field(default=0, ge=0, title="Megapixels × live steps an hour; 0: no bound")
    inputs: int = Field(default=0, ge=0, title="Uploaded pictures kept; 0: no bound")
    inputs_bytes: int = Field(default=0, ge=0, title="Bytes of uploaded pictures kept; 0: no bound")
    kept: int = Field(default=0, ge=0, title="Finished pictures kept; 0: no bound")
    kept_bytes: int = Field(default=0, ge=0, title="Bytes of finished pictures kept; 0: no bound")


# What a guest may ask for, unless the owner says otherwise.
GUESTS = Limits(
    waiting=8,
    waiting_all=60,
    pictures=4,
    steps=60,
    side=2048,
    cost=130,
    megapixels=17,
    parts=48,
    upload_bytes=20 * 2**20,
    prompt=4_000,
    hourly=6_000,
    hourly_live=15_000,
    inputs=100,
    inputs_bytes=200 * 2**20,
    kept=300,
    kept_bytes=500 * 2**20,
)


class Settings(Part):
    """The studio's settings. `read` fills them from the environment; the command line overrides."""

    data: Path = Field(default=PROJECT / "data", title="Data folder")
    models: Path = Field(default=PROJECT / "models", title="Models folder")
    extra_models: tuple[Path, ...] = Field(default=(), title="More model folders")
    presets: Path = Field(default=PROJECT / "presets", title="Presets folder")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", title="Device")
    threads: int = Field(default=0, ge=0, le=1024, title="CPU threads of the worker; 0 takes all cores")
    memory_bytes: int = Field(default=0, ge=0, title="Memory for models, bytes; 0 measures")
    stage_bytes: int = Field(default=512 * 2**20, ge=0, title="Memory for intermediate results, bytes")
    host: str = Field(default="127.0.0.1", title="Address to listen on")
    port: int = Field(default=7860, ge=0, le=65535, title="Port; 0 takes a free one")
    browser: bool = Field(default=True, title="Open the browser")
    trash_days: int = Field(default=30, ge=0, title="Days a deleted picture can be brought back")
    share: bool = Field(default=False, title="Make a link for guests at the start")
    public: bool = Field(default=False, title="Open the guests' page at the start, without a link")
    guest_port: int = Field(default=7960, ge=0, le=65535, title="Port of the guests' page; 0: a free one")
    public_host: str = Field(
        default="", max_length=253, title="Name under which a reverse proxy shows the guests' page"
    )
    password: str | None = Field(
        default=None, max_length=200, title="Password for guests; none said: one is made; empty: none needed"
    )
    guest_days: int = Field(
        default=30, ge=0, title="Days guests' pictures are kept once nobody is invited; 0: for ever"
    )
    safety: Literal["off", "guests", "everybody"] = Field(
        default="guests", title="Whose pictures the safety checker sees, where its weights are"
    )
    visitors: int = Field(default=100, ge=1, title="Guests a link lets in")
    limits: Limits = Limits()
    guests: Limits = GUESTS

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Settings from `INKSTONE_…` variables (`INKSTONE_DATA`, `INKSTONE_MODELS`, `INKSTONE_DEVICE`, …).

        `INKSTONE_EXTRA_MODELS` lists folders as PATH does: parted by “:”, on Windows by “;”.
        """
        env = os.environ if environ is None else environ
        simple = ("data", "models", "device", "threads", "memory_bytes", "host", "port")
        simple += ("share", "public", "guest_port", "public_host", "password", "visitors", "guest_days")
        simple += ("safety",)
        found: dict[str, Any] = {
            name: env[f"INKSTONE_{name.upper()}"] for name in simple if f"INKSTONE_{name.upper()}" in env
        }
        more = [folder for folder in env.get("INKSTONE_EXTRA_MODELS", "").split(os.pathsep) if folder]
        if more:
            found["extra_models"] = more
        return cls.model_validate(found)
