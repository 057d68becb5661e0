"""The command that comes with the package."""

import doctest
import subprocess
import sys

import finsent
import finsent._pipeline


def run(*arguments):
    return subprocess.run([sys.executable, "-m", "finsent", *arguments], capture_output=True, text=True, timeout=120)


def test_the_command_has_its_exit_codes():
    assert run("--version").stdout.startswith("finsent ")
    assert run("classify", "Orders doubled").returncode == 0
    assert run("classify", "Orders doubled", "").returncode == 5
    wrong = run("clasify")
    assert wrong.returncode == 2 and "did you mean `classify`" in wrong.stderr
    assert run("classify", "--model", "/nowhere", "Orders doubled").returncode == 3


def test_the_examples_of_the_package_are_right():
    for module in finsent, finsent._pipeline:
        assert doctest.testmod(module).failed == 0
