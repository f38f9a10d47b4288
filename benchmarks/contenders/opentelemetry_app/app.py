"""A handler under OpenTelemetry's automatic instrumentation, as `opentelemetry-instrument` sets it up."""

from opentelemetry.instrumentation.auto_instrumentation import initialize

initialize()  # all installed instrumentations, before the function is imported

from function import items as items  # type: ignore[import-not-found]  # noqa: E402
