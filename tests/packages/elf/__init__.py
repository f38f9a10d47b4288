"""Binaries: read, checked, and compared with a real system."""
