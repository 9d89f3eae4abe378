"""One studio a data folder."""

import subprocess
import sys

import pytest

from studio.desk.lock import FolderLock
from studio.errors import FolderInUse
from studio.settings import PROJECT

HOLD = """
import sys
from pathlib import Path
from studio.desk.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_studio_on_the_same_folder_is_refused(tmp_path):
    lock = FolderLock(tmp_path)
    with pytest.raises(FolderInUse, match="--data"):
        FolderLock(tmp_path)
    lock.release()
    lock.release()
    FolderLock(tmp_path).release()


def test_a_killed_studio_does_not_keep_the_folder(tmp_path):
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=PROJECT,
    )
    assert other.stdout.readline() == b"held\n"
    with pytest.raises(FolderInUse):
        FolderLock(tmp_path)
    other.kill()
    other.communicate()
    FolderLock(tmp_path).release()
