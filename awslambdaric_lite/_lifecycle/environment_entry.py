"""The entry of one variable in the C library's environment: owns overwriting it in place.

glibc's setenv(3) keeps each distinct value until the process exits, 80 to 130 bytes for a trace id. putenv(3) takes a
buffer of the caller instead, which C code, `os.execv` and child processes read. Python has no function for it, so this
module calls it with `_ctypes`. `_runtime` loads this module after some invocations, and only if it sets a trace id.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    PutEnv = Callable[[bytes, bytes], None]

_SMALLEST = 1024  # bytes of a buffer; larger values get a larger one
_chosen: "list[tuple[PutEnv, Callable[[], None]]]" = []


def putenv_in_place(putenv: "PutEnv", environ: "dict[bytes, bytes]") -> "PutEnv":
    """Return a function that sets a variable in place; `putenv` itself if the C library cannot be called.

    The caller then stores the same value in `environ`, so that another one there shows that other code has set the
    variable. A later call of this function returns the same one, and makes the C library take its buffer again.
    """
    if not _chosen:
        try:
            _chosen.append(_create(putenv, environ))
        except Exception:  # `_ctypes` is missing, or an audit hook refuses it
            _chosen.append((putenv, lambda: None))
    function, forget = _chosen[0]
    forget()
    return function


def _create(putenv: "PutEnv", environ: "dict[bytes, bytes]") -> "tuple[PutEnv, Callable[[], None]]":
    """Return the function, and one that makes it pass its buffer to the C library again.

    Raises:
        Exception: the functions of the C library cannot be called.
    """
    import _ctypes

    class Char(_ctypes._SimpleCData):  # type: ignore[type-arg]
        _type_ = "c"

    class Pointer(_ctypes._SimpleCData):  # type: ignore[type-arg]
        _type_ = "P"

    class Function(_ctypes.CFuncPtr):
        _flags_ = _ctypes.FUNCFLAG_CDECL
        _restype_ = Pointer

    def function(name: str) -> "Callable[[int], int | None]":
        address = _ctypes.dlsym(library, name)
        if type(address) is not int or not address:
            raise LookupError(name)  # user code replaced `dlsym`
        found = Function(address)
        found.argtypes = (Pointer,)
        return found

    library = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]
    allocate, publish = function("malloc"), function("putenv")
    address = begin = size = 0
    view = memoryview(b"")
    current: bytes | None = None  # the value in the buffer, and in `environ` if nobody else has set the variable

    def forget() -> None:
        nonlocal current
        current = None

    def put(name: bytes, value: bytes) -> None:
        nonlocal address, begin, size, view, current
        text = value + b"\0"
        end = begin + len(text)
        if current is None or end > size or environ.get(name) is not current:
            text = b"%b=%b" % (name, text)
            begin, end = len(name) + 1, len(text)
            if end > size:
                room = max(_SMALLEST, 2 * end)
                found = allocate(room)  # never freed, because C code may read it until the process exits
                if not found:
                    current = None
                    return putenv(name, value)
                address, size = found, room
                view = memoryview((Char * size).from_address(address)).cast("B")
            view[:end] = text
            publish(address)
        else:
            view[begin:end] = text
        current = value

    return put, forget
