"""The settings of the package index, which both installers get: those of pip, then those of uv.

Other settings of pip and uv are for other installations and have no effect on a package.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from ..common import toml_text
from .errors import PackagingError
from .requirement_lines import absolute, read_text

Settings = dict[str, list[str]]
"""Values by pip's names of the options."""

_WANTED = {
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "keyring-provider"),
    *("cert", "client-cert", "proxy", "timeout", "retries", "cache-dir", "no-cache-dir"),
    *("constraint", "require-hashes", "uploaded-prior-to"),
}
_OTHER_NAMES = {"default-timeout": "timeout", "pypi-url": "index-url"}
_PATHS = {"find-links", "cert", "client-cert", "cache-dir", "constraint"}
_FLAGS = {"no-index", "no-cache-dir", "require-hashes"}
_OFF = {"0", "false", "no", "off", "n", "f", ""}
_UV_VARIABLES = {
    "UV_DEFAULT_INDEX": "index-url",
    "UV_INDEX_URL": "index-url",
    "UV_INDEX": "extra-index-url",
    "UV_EXTRA_INDEX_URL": "extra-index-url",
    "UV_FIND_LINKS": "find-links",
    "UV_INSECURE_HOST": "trusted-host",
    "UV_CONSTRAINT": "constraint",
    "UV_KEYRING_PROVIDER": "keyring-provider",
}
_UV_KEPT = {  # variables of uv itself that say how it works on this machine, and not what it installs
    *("UV_CACHE_DIR", "UV_NO_CACHE", "UV_OFFLINE", "UV_HTTP_TIMEOUT", "UV_HTTP_RETRIES", "UV_REQUEST_TIMEOUT"),
    *("UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_CONCURRENT_DOWNLOADS", "UV_CONCURRENT_INSTALLS", "UV_EXCLUDE_NEWER"),
}


def machine_settings() -> Settings:
    """Return the settings of this machine's index: pip's files and variables, then uv's.

    Raises:
        PackagingError: a file of settings cannot be parsed.
    """
    found = _of_pip()
    for key, values in _of_uv().items():
        found.setdefault(key, values)
    return found


def merged(settings: Settings, more: Mapping[str, list[str]]) -> Settings:
    """Return settings with those of a requirements file, whose index replaces the machine's."""
    result = {key: list(values) for key, values in settings.items()}
    for key, values in more.items():
        if key in ("extra-index-url", "find-links", "trusted-host"):
            result[key] = [*result.get(key, []), *(value for value in values if value not in result.get(key, []))]
        elif values:
            result[key] = list(values)
    return result


def pip_variables(settings: Settings) -> dict[str, str]:
    """Return the environment variables that give pip these settings and no other."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("PIP_")}
    given = {
        f"PIP_{key.replace('-', '_').upper()}": " ".join(values)
        for key, values in settings.items()
        if values and key not in ("find-links", "constraint")  # whose paths may contain spaces
    }
    if "require-hashes" in settings:
        given["PIP_REQUIRE_HASHES"] = "1"
    return {**kept, **given, "PIP_CONFIG_FILE": os.devnull, "PIP_REQUIRE_VIRTUALENV": "0"}


def uv_variables(settings: Settings) -> dict[str, str]:
    """Return the environment variables that give uv these settings and no other."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("UV_") or name in _UV_KEPT}
    given = {"UV_NO_CONFIG": "1"}
    single = {
        "cert": "SSL_CERT_FILE",
        "client-cert": "SSL_CLIENT_CERT",
        "timeout": "UV_HTTP_TIMEOUT",
        "retries": "UV_HTTP_RETRIES",
        "cache-dir": "UV_CACHE_DIR",
        "no-cache-dir": "UV_NO_CACHE",
        "uploaded-prior-to": "UV_EXCLUDE_NEWER",
    }
    given |= {variable: settings[key][-1] for key, variable in single.items() if settings.get(key)}
    if "cache-dir" in settings:
        given["UV_CACHE_DIR"] = os.path.join(settings["cache-dir"][-1], "uv")
    if settings.get("keyring-provider", ["auto"])[-1] in ("import", "subprocess"):
        given["UV_KEYRING_PROVIDER"] = "subprocess"
    if settings.get("proxy"):
        given |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), settings["proxy"][-1])
    if "no-index" not in settings:
        if settings.get("index-url"):
            given["UV_DEFAULT_INDEX"] = settings["index-url"][-1]
        if settings.get("extra-index-url"):
            given["UV_INDEX"] = " ".join(settings["extra-index-url"])
    return {**kept, **given}


def without_credentials(url: str) -> str:
    """Return a URL for a message."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _of_pip() -> Settings:
    found: dict[str, str] = {}
    for section in ("global", "install"):
        for parser in (read for file in _pip_files() if (read := _parsed(file)) is not None):
            if parser.has_section(section):
                found |= dict(parser.items(section))
    found |= {name[4:].lower(): value for name, value in os.environ.items() if name.upper().startswith("PIP_")}
    result: Settings = {}
    for name, value in found.items():
        key = name.lower().replace("_", "-").removeprefix("--")
        key = _OTHER_NAMES.get(key, key)
        if key in _WANTED:
            result[key] = _values(key, value)
    return {key: values for key, values in result.items() if values}


def _values(key: str, text: str) -> list[str]:
    if key in _FLAGS:
        return [] if text.strip().lower() in _OFF else ["1"]
    values = text.split() if key in ("extra-index-url", "find-links", "trusted-host", "constraint") else [text.strip()]
    return [absolute(value, Path.cwd()) if key in _PATHS else value for value in values if value]


def _pip_files() -> Iterator[Path]:
    """Yield pip's files of settings as its documentation lists them, the weakest first."""
    named = os.environ.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return
    home = Path.home()
    if sys.platform == "darwin":
        yield Path("/Library/Application Support/pip/pip.conf")
    else:
        for folder in reversed(os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep)):
            yield Path(folder, "pip/pip.conf")
    yield Path("/etc/pip.conf")
    yield home / ".pip/pip.conf"
    support = home / "Library/Application Support/pip"
    is_mac = sys.platform == "darwin" and support.is_dir()
    yield (support if is_mac else Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config", "pip")) / "pip.conf"
    yield Path(sys.prefix, "pip.conf")
    if named:
        yield Path(named)


def _parsed(file: Path) -> configparser.RawConfigParser | None:
    if not os.path.isfile(file):
        return None
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(read_text(file, "pip's settings"))
    except configparser.Error as error:
        raise PackagingError(f"pip's settings {file} cannot be read: {' '.join(str(error).split())}") from None
    return parser


def _of_uv() -> Settings:
    result: Settings = {}
    for variable, key in _UV_VARIABLES.items():
        value = os.environ.get(variable, "").replace(",", " " if key == "find-links" else ",")
        for each in value.split():
            each = _named_index(each) if key.endswith("index-url") else each
            result.setdefault(key, []).append(absolute(each, Path.cwd()) if key in _PATHS else each)
    for file in _uv_files():
        for key, values in _of_uv_file(file).items():
            result.setdefault(key, values)
    return result


def _uv_files() -> Iterator[Path]:
    """Yield uv's files of settings for the user and the machine, the strongest first."""
    if os.environ.get("UV_NO_CONFIG", "") not in ("", "0", "false"):
        return
    if named := os.environ.get("UV_CONFIG_FILE"):
        yield Path(named)
        return
    yield Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config", "uv/uv.toml")
    yield Path("/etc/uv/uv.toml")


def _of_uv_file(file: Path) -> Settings:
    if not os.path.isfile(file):
        return {}
    try:
        document = toml_text.parse(read_text(file, "uv's settings"))
    except ValueError as error:
        raise PackagingError(f"uv's settings {file} cannot be read: {error}; correct them") from None
    return uv_table_settings(document, file.parent)


def uv_table_settings(document: Mapping[str, Any], folder: Path) -> Settings:
    """Return the settings of the index in a table of uv's settings, e.g. `[tool.uv]`."""
    result: Settings = {}
    for table in (document, document.get("pip", {})):
        for index in table.get("index", ()):
            key = "index-url" if index.get("default") else "extra-index-url"
            result.setdefault(key, []).append(_with_credentials(index["url"], index.get("name", "")))
        for name in ("index-url", "extra-index-url", "find-links", "keyring-provider"):
            if name in table:
                values = [table[name]] if isinstance(table[name], str) else list(table[name])
                result.setdefault(name, []).extend(
                    absolute(value, folder) if name in _PATHS else value for value in values
                )
    return result


def _named_index(text: str) -> str:
    """Return the address of one of uv's indexes, which may be written `NAME=URL`."""
    named = re.match(r"([\w.-]+)=(?=\S+://)", text)
    return _with_credentials(text[named.end() :], named[1]) if named else text


def _with_credentials(url: str, name: str) -> str:
    variable = f"UV_INDEX_{re.sub(r'[^A-Z0-9]', '_', name.upper())}"
    user, password = (os.environ.get(f"{variable}_{part}", "") for part in ("USERNAME", "PASSWORD"))
    parts = urlsplit(url)
    if not name or not (user or password) or "@" in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}"))
