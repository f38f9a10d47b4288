"""Optional settings in init: owns what they change before and after the handler is loaded.

Loaded in init if one of these settings is chosen.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._client import LambdaRuntimeClient
    from .._codec import Marshaller
    from .._optional_settings import Options
    from .._types import LogSink, Settings

    Handler = Callable[[object, Any], object]


def with_options(
    load: "Callable[[], Handler]", settings: "Settings", client: "LambdaRuntimeClient", sink: "LogSink"
) -> "Callable[[], Handler]":
    """Return the function that loads the handler as the settings ask for; prepare error reports."""
    options = settings.options
    assert options is not None
    if options["ERROR_CHAIN"] == "1":
        from .error_chain import install

        install()
    if options["LAZY_IMPORTS"] != "off" or options["IMPORT_LIST"]:
        from .lazy_imports import around

        load = around(load, settings, client, sink)
    if options["BUNDLE"]:
        from .import_bundle import with_bundle

        load = with_bundle(load, options, sink)
    return load


def prepare_results(options: "Options", marshaller: "Marshaller") -> None:
    """Let the chosen function convert the values of results that have no JSON form.

    Raises:
        Fault: `Runtime.InvalidEncoder`.
    """
    if hasattr(marshaller, "convert"):  # else user code has replaced the marshaller
        from .._json.conversion import resolve

        marshaller.convert = resolve(options["ENCODER"])
