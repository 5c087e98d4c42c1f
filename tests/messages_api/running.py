"""The server as a test has it: started, asked, and gone at the end."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 30


class RunningServer:
    """A server process that listens."""

    def __init__(self, process: subprocess.Popen[str], url: str, bill_file: Path) -> None:
        self.process = process
        self.url = url
        self.bill_file = bill_file

    def bill(self, *, idle: bool = False) -> dict[str, Any]:
        """The bill so far; idle: as soon as no request is under way any more."""
        return self._ask("/_test/bill?idle=1" if idle else "/_test/bill")

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """What was asked of `/v1/messages`, newest last."""
        return self._ask(f"/_test/requests?since={since}")

    def wait_for(self, requests: int, *, seconds: float = 60.0) -> bool:
        """Waits until so many requests came; tells whether they did."""
        until = monotonic() + seconds
        pause = Event()
        while len(self.requests()) < requests and monotonic() < until:
            pause.wait(0.05)
        return len(self.requests()) >= requests

    def held(self, seconds: float = 25.0) -> bool:
        """Waits until the request came that `{"hold": …}` is about; tells whether it did."""
        return self._ask(f"/_test/held?seconds={seconds:g}")

    def control(self, orders: Mapping[str, Any]) -> None:
        """Tells the server: `{"expire_key": "sk-test"}`, `{"faults": {…}}`, …"""
        self._ask("/_test/control", json.dumps(orders).encode())

    def lines(self) -> list[dict[str, Any]]:
        """The bill's file: there even when the server was killed."""
        return [json.loads(line) for line in self.bill_file.read_text().splitlines()]

    def stop(self) -> int:
        """Ends the server in order; its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """Ends the server without a word."""
        self.process.kill()
        self.process.wait()

    def _ask(self, path: str, body: bytes | None = None) -> Any:
        with _opener.open(self.url + path, data=body, timeout=_PATIENCE_S) as answer:
            return json.load(answer)


def _opener_of_any_certificate() -> urllib.request.OpenerDirector:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )


_opener = _opener_of_any_certificate()


@contextmanager
def running(
    script: Mapping[str, Any],
    *,
    faults: Mapping[str, Any] | None = None,
    bill: Path | None = None,
    port: int = 0,
    arguments: Sequence[str] = (),
) -> Iterator[RunningServer]:
    """A server that serves a script until the block ends.

    Args:
        script: keys, models and rules.
        faults: what goes wrong how often.
        bill: file of its lines; a temporary one when not given. One that exists is gone on with.
        port: 0 for any.
        arguments: more of the command line's.
    """
    with tempfile.TemporaryDirectory(prefix="messages-api-") as name:
        folder = Path(name)
        bill_file = bill or folder / "bill.jsonl"
        (folder / "script.json").write_text(json.dumps(script))
        command = [sys.executable, "-m", "tests.messages_api", "--script", str(folder / "script.json")]
        command += ["--bill", str(bill_file), "--port", str(port), "--with-parent", *arguments]
        if faults is not None:
            (folder / "faults.json").write_text(json.dumps(faults))
            command += ["--faults", str(folder / "faults.json")]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, f"the server ended with {process.wait()}"
            yield RunningServer(process, json.loads(line)["url"], bill_file)
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            process.stdout.close()
