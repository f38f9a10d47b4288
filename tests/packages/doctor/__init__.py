"""The audit of packages, and the command that shows it."""
