"""The Runtime API, as a runtime process sees it."""
