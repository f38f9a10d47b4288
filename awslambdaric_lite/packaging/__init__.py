"""What makes and audits packages: archives, bytecode, wheels, ELF files. The runtime never imports it.

Nothing is imported with the package itself; take what is needed from its modules.
"""
