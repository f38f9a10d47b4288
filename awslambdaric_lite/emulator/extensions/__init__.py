"""Extensions: their registration, their events, their processes, and the telemetry they subscribe to."""
