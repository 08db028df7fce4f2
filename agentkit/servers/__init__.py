"""Servers: one request in, one `Exchange` out, raw bytes first and errors as data."""

from agentkit.servers.address import address_hint
from agentkit.servers.call import Call, ChatServer, Emit, encode
from agentkit.servers.clients import CompletionObject, OpenAIClient, as_server
from agentkit.servers.server import Server

__all__ = ["Call", "ChatServer", "CompletionObject", "Emit", "OpenAIClient", "Server", "address_hint", "as_server", "encode"]
