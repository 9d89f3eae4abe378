"""The house has floors: a room imports its own floor and those below it, nothing above."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = [
    {"part", "errors", "settings"},
    {"models", "images", "films", "deep", "containers", "database", "tiles"},
    {"post", "samplers"},
    {
        "recipe",
        "drawing",
        "metadata",
        "infotext",
        "foreign",
        "provenance",
        "prompt",
        "presets",
        "honesty",
        "explore",
    },
    {"families", "control"},
    {"painting"},
    {"desk", "gallery", "gallery_files", "gallery_index", "gallery_export", "identity", "school"},
    {"studio", "palette", "habits", "scroll"},
    {"cli", "web", "ui", "bench"},
]
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
ONLY = {"gradio": {"ui", "web"}, "ray": {"desk"}}
FILES = sorted((ROOT / "studio").rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(ROOT / "studio").parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            found |= (
                {f"{node.module}.{alias.name}" for alias in node.names}
                if node.module == "studio"
                else {node.module}
            )
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_imports_only_its_own_floor_and_those_below(path: Path):
    here = room(path)
    if here == "__init__":
        assert not any(name.startswith("studio") for name in imports(path))
        return
    assert here in FLOOR, f"{path} stands on no floor: give it one"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "studio" and len(parts) > 1 and parts[1] in FLOOR:
            assert FLOOR[parts[1]] <= FLOOR[here], f"{path} reaches up to {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_library_with_a_room_of_its_own_stays_in_it(path: Path):
    for library, rooms in ONLY.items():
        if any(name.split(".")[0] == library for name in imports(path)):
            assert room(path) in rooms, f"{library} does not belong into {path}"


def test_rooms_do_not_import_each_other_in_circles():
    graph: dict[str, set[str]] = {}
    for path in FILES:
        here = room(path)
        needed = {name.split(".")[1] for name in imports(path) if name.startswith("studio.")}
        graph.setdefault(here, set()).update(needed & FLOOR.keys() - {here})
    done: set[str] = set()

    def visit(place: str, trail: tuple[str, ...]) -> None:
        assert place not in trail, " → ".join((*trail, place))
        if place not in done:
            for below in graph.get(place, ()):
                visit(below, (*trail, place))
            done.add(place)

    for place in graph:
        visit(place, ())


HEAVY = ("torch", "diffusers", "transformers", "cv2", "spandrel", "numba", "peft")
LIGHT_ROOMS = [
    "studio.studio",
    "studio.ui.app",
    "studio.web",
    "studio.cli",
    "studio.families",
    "studio.families.sd",
    "studio.families.encode",
    "studio.control",
    "studio.post",
    "studio.samplers",
    "studio.models.library",
    "studio.recipe",
    "studio.metadata",
    "studio.prompt",
    "studio.gallery",
    "studio.desk.desk",
    "studio.painting.events",
]


def test_the_server_never_loads_torch():
    code = f"""
import importlib, sys
for room in {LIGHT_ROOMS!r}:
    importlib.import_module(room)
    heavy = [name for name in {HEAVY!r} if name in sys.modules]
    assert not heavy, f"{{room}} loads {{heavy}}"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_house_has_no_junk_room():
    names = {part for path in FILES for part in path.relative_to(ROOT).parts}
    junk = {"utils", "helpers", "common", "shared", "manager_base"}
    assert not names & (junk | {f"{name}.py" for name in junk})


def test_only_the_edges_print():
    for path in FILES:
        if room(path) != "cli":
            calls = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)]
            assert not any(isinstance(c.func, ast.Name) and c.func.id == "print" for c in calls), path


BROAD_AT = {"studio/desk/worker.py"}


def test_only_the_workers_door_catches_everything():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                names = ast.unparse(node.type) if node.type else ""
                broad = not names or names in ("Exception", "BaseException")
                assert not broad or path.relative_to(ROOT).as_posix() in BROAD_AT, f"{path}:{node.lineno}"


def test_pickles_and_evaluation_have_no_door():
    banned = {"eval", "exec", "compile", "__import__"}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in banned, f"{path}:{node.lineno} calls {called}"
                assert called not in ("pickle.load", "pickle.loads", "os.system", "yaml.load"), path
                if called == "torch.load":
                    assert path.relative_to(ROOT).as_posix() == "studio/models/load.py", path
                    assert any(
                        k.arg == "weights_only" and ast.unparse(k.value) == "True" for k in node.keywords
                    )
