"""Building and auditing packages: `pack`, `doctor` and their modules."""
