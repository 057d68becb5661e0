"""The command ``finsent``."""

import signal
import sys

from ._finsent import run_command


def main() -> int:
    """Run the command with the arguments of this process, and return its exit code."""
    # Python would only note a Ctrl-C until the command has ended.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return run_command(["finsent", *sys.argv[1:]])
