"""``python -m sample_idp``."""

from __future__ import annotations

import sys

from . import arguments
from . import demo
from . import server
from . import worker
from .errors import StartError

_COMMANDS = {"demo": demo.run, "idp": server.run, "worker": worker.run}


def main() -> int:
    """Run a command; a start that fails is one line on standard error."""
    try:
        parsed = arguments.parse(sys.argv[1:])
        return _COMMANDS[parsed.command](parsed)
    except StartError as error:
        print(f"sample_idp: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
