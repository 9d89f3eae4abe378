"""`studio serve`: the page."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from studio.cli.command import Arguments, Command, folders, settings
from studio.errors import StudioError

if TYPE_CHECKING:
    from studio.settings import Settings
    from studio.web.server import Server


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="port; 0 takes a free one")
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    parser.add_argument("--share", action="store_const", const=True, help="make a link for guests")
    parser.add_argument(
        "--public", action="store_const", const=True, help="open the guests' page without a link"
    )
    parser.add_argument("--guest-port", type=int, help="port of the guests' page; 0 takes a free one")
    parser.add_argument(
        "--public-host", metavar="NAME", help="name under which a reverse proxy shows the guests' page"
    )
    password = parser.add_mutually_exclusive_group()
    password.add_argument("--password", metavar="WORD", help="what guests must say; one is made if not said")
    password.add_argument(
        "--no-password", dest="password", action="store_const", const="", help="guests need the link only"
    )
    folders(parser)


def invite(server: Server, chosen: Settings) -> None:
    """Open the guests' page as the settings ask, and say how to come in."""
    try:
        shared = server.sharing.start(chosen.share, chosen.password)
    except StudioError as error:  # her own page is there all the same
        print(error, flush=True)
        return
    print(f"Guests come in at {shared.url}", flush=True)
    if shared.guests.password:
        print(f"Their password: {shared.guests.password}", flush=True)


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
                if chosen.share or chosen.public:
                    invite(server, chosen)
                if chosen.browser:
                    webbrowser.open(server.url)
                server.wait()
        finally:
            server.close()
    return 0


COMMAND = Command("start the studio and open its page", arguments, run)
