"""The Runtime API without I/O: HTTP messages, routes, replies and states.

The emulator, `bench` and the tests' doubles share it; each has its own sockets and its own loop. The runtime imports
none of it, so that the two ends of a connection cannot share a bug.
"""
