"""`awslambdaric-lite pack`, and its archives, bytecode and wheels."""
