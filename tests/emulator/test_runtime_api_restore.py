"""Requests of SnapStart: `restore/next`, `restore/error`, and init errors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from awslambdaric_lite.emulator.config.function import ApiOptions

from .harness import ApiServer, get, post

OK = b'{"status":"OK"}\n'
TYPE = "Lambda-Runtime-Function-Error-Type: Runtime.AfterRestoreError"


@pytest.fixture
def api() -> Iterator[ApiServer]:
    """Yield the Runtime API of a function with SnapStart."""
    server = ApiServer(ApiOptions(), snap_start=True)
    yield server
    server.close()


def refused(state: str, target: str) -> bytes:
    """Return the body of a 403 response."""
    return (
        f'{{"errorMessage":"State transition from {state} to {target} failed for runtime. '
        'Error: State transition is not allowed","errorType":"InvalidStateTransition"}\n'
    ).encode()


def test_restore_next_returns_after_restore(api: ApiServer) -> None:
    """`restore/next` gets 200 without a body after the restore; then the runtime polls."""
    with api.client() as client:
        client.send(get("runtime/restore/next"))
        api.await_next()
        api.run(api.api.restore)
        restored = client.read()
        assert (restored.status, restored.body) == (200, b"")
        api.begin(client)


def test_restore_next_is_optional(api: ApiServer) -> None:
    """A runtime can poll without `restore/next`."""
    with api.client() as client:
        api.begin(client)


def test_second_restore_next_gets_403(api: ApiServer) -> None:
    """A second or late `restore/next` gets 403 with the target state Ready."""
    with api.client() as client, api.client() as other:
        client.send(get("runtime/restore/next"))
        api.await_next()
        assert other.ask(get("runtime/restore/next"))[::2] == (403, refused("RestoreReady", "Ready"))
        assert other.ask(get())[::2] == (403, refused("RestoreReady", "Ready"))
        api.run(api.api.restore)
        client.read()
        api.begin(client)
        assert other.ask(get("runtime/restore/next"))[::2] == (403, refused("Running", "Ready"))


@pytest.mark.parametrize("path", ["restore/error", "init/error"])
def test_error_after_restore_fails_restore(api: ApiServer, path: str) -> None:
    """Either error request after the restore fails it, and every later request is rejected."""
    body = b'{"errorMessage":"m","errorType":"ValueError"}'
    with api.client() as client:
        client.send(get("runtime/restore/next"))
        api.await_next()
        api.run(api.api.restore)
        client.read()
        assert client.ask(post(path, body, TYPE))[::2] == (202, OK)
        assert client.ask(get())[::2] == (403, refused("RuntimeRestoreErrorState", "Ready"))
        assert client.ask(post("restore/error"))[::2] == (
            403,
            refused("RuntimeRestoreErrorState", "RuntimeRestoreErrorState"),
        )
    [answer] = api.init_errors
    assert (answer.payload, answer.error_type) == (body, "Runtime.AfterRestoreError")


def test_error_during_snapshot_gets_403(api: ApiServer) -> None:
    """An error request while `restore/next` waits gets 403."""
    with api.client() as client, api.client() as other:
        client.send(get("runtime/restore/next"))
        api.await_next()
        assert other.ask(post("init/error"))[::2] == (403, refused("RestoreReady", "InitError"))
        assert other.ask(post("restore/error"))[::2] == (403, refused("RestoreReady", "RuntimeRestoreErrorState"))
    assert api.init_errors == []


def test_error_before_snapshot_is_init_error(api: ApiServer) -> None:
    """An error of a hook before the snapshot is an init error."""
    kind = "Lambda-Runtime-Function-Error-Type: Runtime.BeforeSnapshotError"
    with api.client() as client:
        assert client.ask(post("restore/error"))[::2] == (403, refused("Started", "RuntimeRestoreErrorState"))
        assert client.ask(post("init/error", b"{}", kind)).status == 202
    assert api.init_errors[0].error_type == "Runtime.BeforeSnapshotError"


@pytest.mark.parametrize("path", ["restore/error", "init/error"])
def test_truncated_restore_error_keeps_partial_body(api: ApiServer, path: str) -> None:
    """A truncated restore error is accepted with the bytes that arrived."""
    with api.client() as client:
        client.send(get("runtime/restore/next"))
        api.await_next()
        api.run(api.api.restore)
        client.read()
        client.send(post(path, b'{"a":1}', TYPE)[:-1])
        client.socket.shutdown(1)
        assert client.read().status == 202
    [answer] = api.init_errors
    assert (answer.payload, answer.content_type) == (b'{"a":1', "application/octet-stream")


def test_wrong_restore_method_gets_405(api: ApiServer) -> None:
    """A restore request with a wrong method gets 405."""
    with api.client() as client:
        assert client.ask(post("restore/next")).status == 405
        assert client.ask(get("runtime/restore/error")).status == 405
