import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from studio import prompt
from studio.prompt import Vocabulary, clip_vocabulary


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    """What A1111 made of these prompts, recorded by running it."""
    return json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return clip_vocabulary()


@pytest.fixture(scope="session")
def steps_of() -> Callable[..., int]:
    """`steps_of(function, *arguments)`: how many bytecode steps the prompt package takes for that call."""
    home = str(Path(prompt.__file__).parent)

    def count(function: Callable[..., object], *arguments: object) -> int:
        steps = 0

        def trace(frame: FrameType, event: str, _: object) -> Any:
            nonlocal steps
            if not frame.f_code.co_filename.startswith(home):
                return None
            frame.f_trace_opcodes = True
            steps += event == "opcode"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            function(*arguments)
        finally:
            sys.settrace(before)
        return steps

    return count
