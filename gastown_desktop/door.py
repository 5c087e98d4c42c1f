"""Runs inside a sandbox, before its command: makes the listener behind which the allowed hosts are reached.

A listener belongs to the network it was made in, whoever answers it. So this makes one on the sandbox's own
loopback, hands it to the engine over a socket that it inherited, and ends. Nothing of it stays in the
sandbox, and no port is opened on the machine. A bare interpreter runs this file; the bundle, which has none,
runs it when its first argument is `WORD`. The standard library only, and nothing of ours.
"""

from __future__ import annotations

import _socket  # `socket` without its Python part, which takes as long to load as the interpreter itself
import sys

WORD = "open-door"
"""First argument of the bundle's program."""
_WAITING = 128


def open_door(port: int, file: int) -> int:
    """Hands a listener to whoever holds the other end of a socket; returns the exit code.

    Args:
        port: where it listens, on 127.0.0.1.
        file: the number of the socket.
    """
    listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(_WAITING)
    engine = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, file)
    handed = listener.fileno().to_bytes(4, sys.byteorder)  # an array of one C int: cmsg(3)
    engine.sendmsg([b"\0"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, handed)])
    listener.close()
    engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(open_door(int(sys.argv[1]), int(sys.argv[2])))
