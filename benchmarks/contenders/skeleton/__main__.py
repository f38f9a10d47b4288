"""Three lines, so that the module that does the work runs from its bytecode."""

import skeleton  # type: ignore[import-not-found]  # noqa: F401
