"""Handlers that are more than plain functions: coroutines, streams, ASGI and WSGI applications."""
