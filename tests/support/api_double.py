"""Servers of the tests: those of the conformance cases."""

from awslambdaric_lite.conformance.server import (
    CHUNK_SIZE,
    GUARD,
    ApiDouble,
    React,
    Reaction,
    Response,
    ScriptedServer,
    SocketServer,
)

__all__ = [
    "CHUNK_SIZE",
    "GUARD",
    "ApiDouble",
    "React",
    "Reaction",
    "Response",
    "ScriptedServer",
    "SocketServer",
]
