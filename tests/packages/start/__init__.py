"""The start file of packages."""
