"""Processes of this machine, from /proc."""

import os
from pathlib import Path
from typing import Dict, List


def children(parent: int) -> Dict[int, str]:
    """The command lines of a process's children."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The name, in parentheses, may hold anything.
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            if int(fields[1]) == parent:
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def descendants(parent: int) -> List[int]:
    """The processes below a process."""
    direct = list(children(parent))
    return direct + [process for child in direct for process in descendants(child)]


def is_alive(process: int) -> bool:
    """Whether a process runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
