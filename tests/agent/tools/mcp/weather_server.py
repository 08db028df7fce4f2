"""A real MCP server for the tests, as a program: `python weather_server.py` speaks over its pipes,
`python weather_server.py http` over a port of its own, which it prints. With `new` it knows only
the protocol of 2026.
"""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import sys
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import UNSUPPORTED_PROTOCOL_VERSION, CallToolResult, ImageContent, TextContent

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
server = MCPServer("weather", log_level="ERROR")


@server.tool(name="weather.get/now:v1 ü")
def weather(city: str, days: int = 1) -> dict[str, Any]:
    """Give the weather of a city."""
    return {"city": city, "temp_c": -3, "days": days}


@server.tool(name="weather_get_now_v1__")
def other() -> str:
    """Bear the name that another one gets."""
    return "the other one"


@server.tool()
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return str(a + b)


@server.tool(structured_output=False)
def picture() -> list[Any]:
    """Draw one pixel."""
    return ["One pixel:", Image(data=PIXEL, format="png")]


@server.tool()
def drawn() -> CallToolResult:
    """Draw one pixel, and nothing beside it."""
    data = base64.b64encode(PIXEL).decode()
    return CallToolResult(content=[ImageContent(data=data, mime_type="image/png")])


@server.tool()
def refuse(reason: str) -> CallToolResult:
    """Fail as a tool does that knows what is wrong."""
    print(f"refusing: {reason}", file=sys.stderr, flush=True)
    return CallToolResult(content=[TextContent(text=f"no: {reason}")], is_error=True)


@server.tool()
def variable(name: str) -> str:
    """Give a variable of the environment, and the server's own process."""
    return str(os.getpid()) if name == "PID_OF_SERVER" else os.environ.get(name, "none")


@server.tool()
async def wait(seconds: float) -> str:
    """Take its time."""
    await asyncio.sleep(seconds)
    return "waited"


@server.tool()
def die() -> str:
    """End the process at once."""
    print("about to die", file=sys.stderr, flush=True)
    os._exit(3)


@server.tool()
def loud() -> str:
    """Print on the stream that carries the messages."""
    print("this is no message", flush=True)
    return "printed"


@server.tool()
async def change(ctx: Context[Any]) -> str:
    """Put a tool in place of another."""

    def late(x: int = 0) -> str:
        """Came late."""
        return f"late {x}"

    server.add_tool(late)
    server.remove_tool("loud")
    if "new" in sys.argv:
        await ctx.notify_tools_changed()
    else:
        await ctx.session.send_tool_list_changed()
    return "changed"


async def only_new(ctx: Any, call_next: Any) -> Any:
    """Refuse the handshake of the protocols before that of 2026."""
    if ctx.method == "initialize":
        data = {"supported": ["2026-07-28"], "requested": "2025-11-25"}
        raise MCPError(UNSUPPORTED_PROTOCOL_VERSION, "too old", data)
    return await call_next(ctx)


def serve_http() -> None:
    """Serve on the port that is named, else on one that the system gives, and print it."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", next((int(word) for word in sys.argv if word.isdigit()), 0)))
    listening.listen(128)
    print(listening.getsockname()[1], flush=True)
    app = server.streamable_http_app()
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listening])


if __name__ == "__main__":
    if "new" in sys.argv:
        server.middleware.append(only_new)
    if "http" in sys.argv:
        serve_http()
    else:
        server.run("stdio")
