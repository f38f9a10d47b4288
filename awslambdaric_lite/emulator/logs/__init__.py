"""What is logged: the output of the function's processes and the platform's own events."""
