"""`studio serve`, from the start of the process to Ctrl+C."""

import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from studio.cli.running import FILE
from studio.settings import PROJECT

# A line on its input is Ctrl+C: the one way to press it that every system has.
SERVE = """
import _thread, signal, sys, threading
from studio.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background suite ignores it
threading.Thread(target=lambda: (sys.stdin.readline(), _thread.interrupt_main()), daemon=True).start()
sys.exit(main(sys.argv[1:]))
"""


def test_the_page_opens_where_it_says_and_ctrl_c_closes_it_in_order(models, tmp_path):
    words = ["serve", "--no-browser", "--port", "0", "--data", str(tmp_path), "--models", str(models)]
    command = [sys.executable, "-c", SERVE, *words]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=PROJECT, text=True, **pipes) as server:
        try:
            said = server.stdout.readline()
            page = next(word for word in said.split() if word.startswith("http")).partition("?key=")[0]
            assert urllib.request.urlopen(f"{page}studio/health", timeout=60).status == 200
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(page, timeout=60)
            assert (tmp_path / FILE).exists()
            server.communicate("\n", timeout=120)
        finally:
            server.kill()  # nothing once it has closed
    assert server.returncode == 130
    assert not (tmp_path / FILE).exists()
