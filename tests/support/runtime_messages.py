"""Events and requests of the Runtime API, as tests write and read them."""

from awslambdaric_lite.conformance.messages import ARN, DEADLINE_MS, DueEvent, Event, Request

__all__ = ["ARN", "DEADLINE_MS", "DueEvent", "Event", "Request"]
