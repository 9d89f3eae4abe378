"""`studio demo`: the page, painting from recorded strokes; with `--film`, filmed."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from studio.cli.command import Arguments, Command, folders, settings

if TYPE_CHECKING:
    from studio.settings import Settings
    from studio.web.server import Server

REPLAY = "#demo"  # assets/demo.js; a fragment, because the way in by the key drops the rest of the address


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--film", type=Path, metavar="FILE", help="film the page as a WebP, then close")
    parser.add_argument("--port", type=int, default=0, help="port; a free one if not said")
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    folders(parser)


def run(args: Arguments) -> int:
    chosen = settings(args)
    with tempfile.TemporaryDirectory(prefix="inkstone-demo-", ignore_cleanup_errors=True) as folder:
        if args.data is None:
            chosen = chosen.but(data=Path(folder))
            print("An empty studio of its own: what is painted in it goes when it closes.", flush=True)
        opened(chosen, args.film)
    return 0


def opened(chosen: Settings, film: Path | None) -> None:
    """Open the studio; film it, or show it until Ctrl+C."""
    import webbrowser

    from studio.studio import Studio
    from studio.web.server import open_page

    with Studio(chosen) as studio:
        server = open_page(studio, chosen)
        try:
            if film is not None:
                filmed(server, film)
                return
            url = server.url + REPLAY
            print(f"The demonstration is open at {url} — Ctrl+C closes it.", flush=True)
            if chosen.browser:
                webbrowser.open(url)
            server.wait()
        finally:
            server.close()


def filmed(server: Server, film: Path) -> None:
    """Film the page and say where the film is."""
    from studio.cli.filming import record

    print("The page is being filmed; this takes two or three minutes.", flush=True)
    made = record(server.url)
    film.parent.mkdir(parents=True, exist_ok=True)
    film.write_bytes(made)
    print(f"{film} ({len(made) / 2**20:.1f} MB)", flush=True)


COMMAND = Command("watch recorded strokes being painted in the real page", arguments, run)
