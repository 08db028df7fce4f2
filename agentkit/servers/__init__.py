"""Servers: one request in, one `Exchange` out, raw bytes first and errors as data."""

from agentkit.servers.call import Call, ChatServer, Emit, encode
from agentkit.servers.clients import CompletionObject, OpenAIClient, as_server
from agentkit.servers.server import Server

__all__ = [
    "Call",
    "ChatServer",
    "CompletionObject",
    "Emit",
    "OpenAIClient",
    "Server",
    "as_server",
    "encode",
]
