"""`python -m tests.messages_api`: serves until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import ssl
import sys
from pathlib import Path
from typing import Any

from tests.messages_api.app import App, Options
from tests.messages_api.faults import Faults, faults_from
from tests.messages_api.wire import exchanges

_LOOKS_EVERY_S = 0.25


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.messages_api", description=__doc__)
    parser.add_argument("--script", type=Path, required=True, help="keys, models and rules (JSON)")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--faults", type=Path, help="what goes wrong how often (JSON)")
    parser.add_argument("--bill", type=Path, help="a line of JSON for each charged request")
    parser.add_argument("--bodies", type=Path, help="every body that came, a JSON string a line")
    parser.add_argument("--reports-cost", default="", help="adds usage.cost: list price times this")
    parser.add_argument("--tls", type=Path, nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--pace", type=float, default=0.0, help="output tokens a second")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before a reply begins")
    parser.add_argument(
        "--anthropic-tiers", action="store_true", help="1.1 times, unless tier and region are pinned"
    )
    parser.add_argument("--lenient-fields", action="store_true", help="takes unknown fields and betas")
    parser.add_argument("--redirect", default="", help="answers 307 to this address")
    parser.add_argument(
        "--with-parent", action="store_true", help="ends when the process that started it does"
    )
    return parser.parse_args()


def _stop_with(parent: int, stopped: asyncio.Event) -> None:
    """Looks now and then whether the parent is still there: a test that is killed tidies nothing up."""
    if os.getppid() != parent:
        stopped.set()
    else:
        asyncio.get_running_loop().call_later(_LOOKS_EVERY_S, _stop_with, parent, stopped)


async def _serve(app: App, arguments: argparse.Namespace) -> None:
    stopped, parent = asyncio.Event(), os.getppid()  # asked before the address is told: it may end then
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    secure = None
    if arguments.tls:
        secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secure.load_cert_chain(*arguments.tls)
    connections: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await exchanges(reader, writer, app.serve)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            connections.discard(task)

    server = await asyncio.start_server(
        connected, "127.0.0.1", arguments.port, backlog=512, limit=1 << 20, ssl=secure
    )
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"url": f"{'https' if secure else 'http'}://127.0.0.1:{port}"}), flush=True)
    if arguments.with_parent:
        _stop_with(parent, stopped)
    await stopped.wait()
    server.close()
    for task in connections:
        task.cancel()
    await asyncio.gather(*connections, return_exceptions=True)


def main() -> None:
    """Reads what was asked for and serves it."""
    arguments = _arguments()
    faults = faults_from(json.loads(arguments.faults.read_text())) if arguments.faults else Faults()
    options = Options(
        bill=arguments.bill,
        bodies=arguments.bodies,
        reports_cost=arguments.reports_cost,
        pace=arguments.pace,
        latency=arguments.latency,
        anthropic_tiers=arguments.anthropic_tiers,
        lenient_fields=arguments.lenient_fields,
        redirect=arguments.redirect,
    )
    sys.path.insert(0, str(Path.cwd()))
    asyncio.run(_serve(App(json.loads(arguments.script.read_text()), faults, options), arguments))


if __name__ == "__main__":
    main()
