"""Packages of every kind, friendly and hostile."""
