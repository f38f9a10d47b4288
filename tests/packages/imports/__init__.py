"""Imports in a process of their own, measured and drawn."""
