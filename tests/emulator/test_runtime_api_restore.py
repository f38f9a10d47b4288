"""The calls about snapshots: `restore/next`, `restore/error`, and an init error in their place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from awslambdaric_lite.emulator.config.function import ApiOptions

from .harness import ApiServer, get, post

OK = b'{"status":"OK"}\n'
TYPE = "Lambda-Runtime-Function-Error-Type: Runtime.AfterRestoreError"


@pytest.fixture
def api() -> Iterator[ApiServer]:
    """The Runtime API of a function with SnapStart."""
    server = ApiServer(ApiOptions(), snap_start=True)
    yield server
    server.close()


def refused(state: str, target: str) -> bytes:
    """The body of a 403."""
    return (
        f'{{"errorMessage":"State transition from {state} to {target} failed for runtime. '
        'Error: State transition is not allowed","errorType":"InvalidStateTransition"}\n'
    ).encode()


def test_a_runtime_waits_to_be_restored_and_goes_on(api: ApiServer) -> None:
    """200 without a body after the restore; then the ordinary loop."""
    with api.client() as client:
        client.send(get("runtime/restore/next"))
        api.await_next()
        api.run(api.api.restore)
        restored = client.read()
        assert (restored.status, restored.body) == (200, b"")
        api.begin(client)


def test_a_runtime_may_have_no_interest(api: ApiServer) -> None:
    """`next` at once is as well."""
    with api.client() as client:
        api.begin(client)


def test_restore_next_comes_once_and_first(api: ApiServer) -> None:
    """403 a second time, and after a poll; the target that the refusal names is Ready."""
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
def test_an_error_after_the_restore(api: ApiServer, path: str) -> None:
    """Either call is taken for a failed restore, after which the runtime may do nothing but exit."""
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


def test_an_init_error_while_it_waits_is_refused(api: ApiServer) -> None:
    """The snapshot is being taken: 403."""
    with api.client() as client, api.client() as other:
        client.send(get("runtime/restore/next"))
        api.await_next()
        assert other.ask(post("init/error"))[::2] == (403, refused("RestoreReady", "InitError"))
        assert other.ask(post("restore/error"))[::2] == (403, refused("RestoreReady", "RuntimeRestoreErrorState"))
    assert api.init_errors == []


def test_an_error_before_the_snapshot(api: ApiServer) -> None:
    """Hooks that fail before it are an init error."""
    kind = "Lambda-Runtime-Function-Error-Type: Runtime.BeforeSnapshotError"
    with api.client() as client:
        assert client.ask(post("restore/error"))[::2] == (403, refused("Started", "RuntimeRestoreErrorState"))
        assert client.ask(post("init/error", b"{}", kind)).status == 202
    assert api.init_errors[0].error_type == "Runtime.BeforeSnapshotError"


@pytest.mark.parametrize("path", ["restore/error", "init/error"])
def test_an_error_that_breaks_off(api: ApiServer, path: str) -> None:
    """What came of the body counts."""
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


def test_a_wrong_method(api: ApiServer) -> None:
    """405."""
    with api.client() as client:
        assert client.ask(post("restore/next")).status == 405
        assert client.ask(get("runtime/restore/error")).status == 405
