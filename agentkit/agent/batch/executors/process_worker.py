"""The program of one worker process: messages come through the standard input and leave through the
standard output, which nothing else in the process can reach. It ends with the process that started
it, in whatever way that ends.
"""

from __future__ import annotations

import asyncio
import os
import struct
import sys
import threading
import time
from typing import BinaryIO

from agentkit.agent.batch.executors.worker import Worker

SIZE = struct.Struct(">Q")
_GRACE = 1.0
"""Seconds that what runs is given to end."""


def read_message(pipe: BinaryIO) -> bytes | None:
    """Read the next message; None where the other end is gone."""
    head = pipe.read(SIZE.size)
    if len(head) < SIZE.size:
        return None
    (size,) = SIZE.unpack(head)
    message = pipe.read(size)
    return message if len(message) == size else None


def write_message(pipe: BinaryIO, message: bytes) -> None:
    """Write a message, which is sent when the pipe is flushed."""
    pipe.write(SIZE.pack(len(message)) + message)


def main() -> None:
    """Work until nobody sends any more."""
    come, go = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)  # what a tool prints must not get between the messages
    sys.stdout = sys.stderr
    program = read_message(come)
    if program is not None:
        asyncio.run(_serve(program, come, go))
    os._exit(0)  # a tool that hangs in a thread holds nobody up


async def _serve(program: bytes, come: BinaryIO, go: BinaryIO) -> None:
    worker, loop, alone = Worker(program), asyncio.get_running_loop(), asyncio.Event()

    def read() -> None:
        while (message := read_message(come)) is not None:
            loop.call_soon_threadsafe(worker.put, message)
        loop.call_soon_threadsafe(alone.set)
        time.sleep(_GRACE)
        os._exit(0)

    def send(message: bytes) -> None:
        write_message(go, message)
        go.flush()

    async def write() -> None:
        while True:
            await asyncio.to_thread(send, await worker.get())

    threading.Thread(target=read, name="agentkit-messages", daemon=True).start()
    writing = asyncio.ensure_future(write())
    waiting = asyncio.ensure_future(alone.wait())
    await asyncio.wait([writing, waiting], return_when=asyncio.FIRST_COMPLETED)
    writing.cancel()
    await worker.aclose()
