# The wrapper starts this script instead of /var/runtime/bootstrap.py. Short, because each start compiles a source.
import gc
import sys

if __name__ == "__main__":
    gc.disable()  # until initialize(): what is loaded now stays
    home = __file__.rpartition("/")[0]
    if not getattr(sys.flags, "safe_path", sys.flags.isolated):
        del sys.path[0]  # this folder, instead of its parent
    sys.path.insert(0, home.rpartition("/")[0])
    try:
        import awslambdaric_lite  # noqa: F401 -- found here once, its modules are found through it

        del sys.path[0]
        # Tools that instrument the runtime client look for `__main__.bootstrap`, as in the official one.
        from awslambdaric_lite import _runtime as bootstrap
        from awslambdaric_lite._wrapper_start import prepare
    except Exception as error:
        sys.path.insert(0, home)
        __import__("fall_back").fall_back(error)
    prepare()
    sys.exit(bootstrap.main(sys.argv[:1]))
