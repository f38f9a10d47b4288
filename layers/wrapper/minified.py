"""Sources as small as possible."""

from __future__ import annotations

import functools

from awslambdaric_lite.packaging.errors import PackagingError


@functools.cache
def minified(source: bytes) -> bytes:
    """Return a lean source (`packaging.lean`) in fewer lines, with short names for what nobody outside a function sees.

    It may be written in the syntax of the running Python, which an older one does not understand.

    Raises:
        PackagingError: the library for it is missing.
    """
    try:
        import python_minifier
    except ModuleNotFoundError:
        raise PackagingError(
            "layers without orjson need python-minifier, for their size; "
            "install it with: pip install 'awslambdaric-lite[layers]'"
        ) from None
    text: str = python_minifier.minify(source.decode(), hoist_literals=False)
    return text.encode() + b"\n"
