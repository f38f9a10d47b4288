"""The cold modules in one file."""
