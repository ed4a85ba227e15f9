"""A real server for tests: gunicorn in a process of its own, on a free port of this machine."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import main

ROOT = Path(main.__file__).parent
SECONDS_TO_START = 60


@dataclass(frozen=True)
class Server:
    """A running server, its port and the file with what it prints."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def call(self, method: str, path: str) -> tuple[int, Any]:
        """Send a request without a body; the status and the JSON of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with closing(connection):
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def is_up(self) -> bool:
        try:
            return self.call("GET", "/health")[0] == 200
        except OSError:
            return False


def start(folder: Path, **variables: str) -> Server:
    """Start a server in `folder` with these variables and no others; do not wait for it."""
    port = _free_port()
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py")],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PORT": str(port)}
            | variables,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return Server(process, port, log)


@contextmanager
def serving(folder: Path, **variables: str) -> Iterator[Server]:
    """Start a server and wait until it answers; stop it at the end."""
    server = start(folder, **variables)
    try:
        deadline = time.monotonic() + SECONDS_TO_START
        while not server.is_up():
            assert server.process.poll() is None, server.log.read_text()
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.05)
        yield server
    finally:
        server.process.terminate()
        server.process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
