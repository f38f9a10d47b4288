"""Handlers that a package has, and those that it lacks."""

from __future__ import annotations

import pytest

from awslambdaric_lite.packaging.archive import Member
from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.handler_check import check_handler

CONTENT = {
    "app.py": "def handler(event, context): ...\nasync def later(e, c): ...\nwsgi = make()\n",
    "web/main.py": "from framework import application\n",
    "web/package/__init__.py": "class Handler: ...\n",
    "stars.py": "from somewhere import *\n",
    "lazy.py": "def __getattr__(name): ...\n",
    "built.cpython-313-x86_64-linux-gnu.so": "",
    "plain.so": "",
    "requirements.txt": "",
}
MEMBERS = {name: Member(name, text.encode()) for name, text in CONTENT.items()}


@pytest.mark.parametrize(
    ("handler", "source"),
    [
        ("app.handler", "app.py"),
        ("app.later", "app.py"),
        ("app.wsgi", "app.py"),
        ("web/main.application", "web/main.py"),
        ("web.main.application", "web/main.py"),
        ("web.package.Handler", "web/package/__init__.py"),
        ("stars.handler", "stars.py"),
        ("lazy.handler", "lazy.py"),
        ("built.handler", None),
        ("plain.handler", None),
    ],
)
def test_existing_handler_is_accepted(handler: str, source: str | None) -> None:
    """Functions, coroutines, applications, imported names and dynamic modules are accepted."""
    assert check_handler(handler, MEMBERS) == source


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        ("handler", "handler 'handler' must be MODULE.FUNCTION, e.g. app.handler"),
        (".handler", "handler '.handler' must be MODULE.FUNCTION"),
        ("app.", "handler 'app.' must be MODULE.FUNCTION"),
        ("ap.handler", r"the package has no ap\.py; did you mean app\?"),
        ("web.mian.application", r"the package has no web/mian\.py; did you mean web\.main\?"),
        ("other.handler", r"the package has no other\.py; correct --handler, or put the file there"),
        ("web.handler", r"the package has no web\.py"),
        ("requirements.txt", r"the package has no requirements\.py"),
        ("app.handlr", r"app\.py has no handlr; did you mean handler\?"),
        ("app.ws", r"app\.py has no ws; did you mean wsgi\?"),
        ("app.main", r"app\.py has no main; correct --handler"),
    ],
)
def test_missing_handler_is_named(handler: str, message: str) -> None:
    """The message names the handler and the file, with a suggestion."""
    with pytest.raises(PackagingError, match=message):
        check_handler(handler, MEMBERS)
