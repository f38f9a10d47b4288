"""Read the index of an import bundle: `python import_bundle_worker.py FILE [--check-code]`.

A bundle of somebody else may be made to break `marshal`, which trusts its input: this process has limits. It writes the
modules as JSON, a list of folder, name, number of the file's name, size, fingerprint and time, with the folder to which
they are relative; or the reason why the bundle cannot be used. With `--check-code`, the code of each is read, too;
that needs a Python of the bundle's version.
"""

import sys

if __name__ == "__main__":
    sys.path[0] = __file__.rsplit("/", 4)[0]

import json
import marshal
import resource

_MEMORY = 1 << 31  # bytes
_CPU_S = 30


def main(path: str, *options: str) -> None:
    """Write the modules of a bundle."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    from awslambdaric_lite._lifecycle.import_bundle import read_index

    try:
        with open(path, "rb", buffering=0) as file:
            _, begin, (_, root, (folders, _), _, _) = read_index(file.fileno())
            found = []
            for folder, modules in folders.items():
                for name, (number, first, last, size, content, time) in modules.items():
                    if options:
                        file.seek(begin + first)
                        if type(marshal.loads(file.read(last - first))) is not type(main.__code__):
                            raise TypeError
                    found.append((folder, name, number, size, content, time))
        answer: object = {"root": root, "modules": found}
    except ValueError as error:
        answer = {"error": str(error) if str(error).startswith("it ") else "it is damaged"}
    except Exception:
        answer = {"error": "it is damaged"}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
