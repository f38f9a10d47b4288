"""Building and auditing packages: archives, bytecode, wheels, ELF files. The runtime never imports it.

The package itself imports nothing; import from its modules.
"""
