"""Double of the classic Runtime API, which has one invocation at a time: that of the conformance cases."""

from awslambdaric_lite.conformance.messages import Event, Request
from awslambdaric_lite.conformance.recorder import Recorder
from awslambdaric_lite.conformance.server import React, Reaction

__all__ = ["Event", "React", "Reaction", "Recorder", "Request"]
