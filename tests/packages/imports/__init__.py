"""Imports in a separate process, measured and drawn."""
