"""The names of AWS's client `awslambdaric`. Loaded when user code or a tool imports them.

`sys.modules` has the modules of this package as `awslambdaric`, `awslambdaric.bootstrap` and so on. Where the official
client uses a name, this runtime does too, so that a replacement takes effect. A name that this runtime cannot provide
raises an AttributeError or a ModuleNotFoundError that says so.
"""

__version__ = "4.2.2"  # of the interface
