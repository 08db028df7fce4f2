"""What the tap says to the kernel, through a pipe that takes little at a time."""

from __future__ import annotations

import os
import threading

from agentkit.tap.carrier.speaker import Speaker


def test_a_line_of_many_megabytes_comes_through_whole() -> None:
    reads, writes = os.pipe()
    text, came = "x" * 8_000_000, bytearray()

    def read() -> None:
        while not came.endswith(b"\n"):
            came.extend(os.read(reads, 1 << 16))

    reader = threading.Thread(target=read)
    speaker = Speaker(writes)
    reader.start()
    speaker.say("flow", text)
    reader.join(60)
    assert bytes(came) == f"flow {text}\n".encode()
    os.close(writes)
    os.close(reads)
