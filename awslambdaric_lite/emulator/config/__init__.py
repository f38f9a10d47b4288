"""Function settings and their checks."""
