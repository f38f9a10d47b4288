"""`python -m awslambdaric_lite.cli`, where the script is not on PATH."""

import sys

from . import main

if __name__ == "__main__":
    sys.exit(main())
