"""`studio serve`: the page."""

from __future__ import annotations

import argparse

from studio.cli.command import Arguments, Command, folders, settings


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="port; 0 takes a free one")
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    folders(parser)


def run(args: Arguments) -> int:
    import webbrowser

    from studio.cli.running import announced
    from studio.studio import Studio
    from studio.web.server import open_page

    chosen = settings(args)
    with Studio(chosen) as studio:
        server = open_page(studio, chosen)
        try:
            with announced(chosen.data, server.url):
                print(f"Inkstone is open at {server.url} — Ctrl+C closes it.", flush=True)
                if chosen.browser:
                    webbrowser.open(server.url)
                server.wait()
        finally:
            server.close()
    return 0


COMMAND = Command("start the studio and open its page", arguments, run)
