"""The `studio` command: one file a word. Nothing heavy is imported before the word that needs it runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from studio import __version__
from studio.cli import bench, demo, finish, gallery, models, paint, replay, scroll, serve, train, travel
from studio.errors import Stopped, StudioError

COMMANDS = {
    "serve": serve.COMMAND,
    "paint": paint.COMMAND,
    "replay": replay.COMMAND,
    "finish": finish.COMMAND,
    "travel": travel.COMMAND,
    "scroll": scroll.COMMAND,
    "gallery": gallery.COMMAND,
    "models": models.COMMAND,
    "train": train.COMMAND,
    "bench": bench.COMMAND,
    "demo": demo.COMMAND,
}


def parser() -> argparse.ArgumentParser:
    """The whole command line, every word and option with its help."""
    top = argparse.ArgumentParser(prog="studio", description="Inkstone 砚, a painting studio.")
    top.add_argument("--version", action="version", version=f"Inkstone {__version__}")
    words = top.add_subparsers(dest="word", required=True, metavar="WORD")
    for word, command in COMMANDS.items():
        command.arguments(words.add_parser(word, help=command.about, description=command.about))
    return top


def main(words: Sequence[str] | None = None) -> int:
    """Run one word. Exit status 0: done; 1: not the same (replay); 2: a sentence on stderr says why not."""
    args = parser().parse_args(words)
    try:
        return COMMANDS[args.word].run(args)
    except Stopped:
        return 130
    except KeyboardInterrupt:
        return 130
    except StudioError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"A file or folder could not be used: {error}.", file=sys.stderr)
        return 2
