"""Packages that are made and audited: `pack`, `doctor` and what both are made of."""
