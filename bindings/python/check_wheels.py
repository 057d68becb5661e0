"""Check built wheels without the systems that they are for: their names, their sizes, and what their libraries need.

    python3 bindings/python/check_wheels.py FOLDER TARGET...

TARGET is a target of Rust whose wheel must be in FOLDER.
"""

import re
import struct
import sys
import zipfile
from pathlib import Path

MOST_BYTES = 45_000_000
ALWAYS = {"finsent/__init__.py", "finsent/py.typed", "finsent/LICENSES"}
# Target of Rust, to the end of the wheel's name, the format and the CPU of the library, and the libraries that every
# system of that kind has.
GLIBC = r"lib(c|m|dl|pthread|rt|gcc_s)\.so\.\d+|ld-linux-.*"
MUSL = r"libc\.so|libc\.musl-.*|libgcc_s\.so\.1"
WINDOWS = r"python3\.dll|(kernel32|ntdll|ws2_32|bcrypt|bcryptprimitives|advapi32|userenv|shell32|ole32|secur32|crypt32|psapi)" \
    r"\.dll|api-ms-win-.*\.dll|msvcrt\.dll"
APPLE = r"/usr/lib/.*|/System/Library/.*"
PLATFORMS = {
    "x86_64-unknown-linux-gnu": ("manylinux2014_x86_64", "ELF", 62, GLIBC),
    "aarch64-unknown-linux-gnu": ("manylinux2014_aarch64", "ELF", 183, GLIBC),
    "x86_64-unknown-linux-musl": ("musllinux_1_2_x86_64", "ELF", 62, MUSL),
    "aarch64-unknown-linux-musl": ("musllinux_1_2_aarch64", "ELF", 183, MUSL),
    "x86_64-pc-windows-gnu": ("win_amd64", "PE", 0x8664, WINDOWS),
    "x86_64-apple-darwin": ("macosx_11_0_x86_64", "Mach-O", 0x01000007, APPLE),
    "aarch64-apple-darwin": ("macosx_11_0_arm64", "Mach-O", 0x0100000C, APPLE),
}


def text_at(data, at):
    return data[at : data.index(b"\0", at)].decode()


def elf(data):
    """The CPU of a library of Linux, and the libraries that it needs."""
    (cpu,) = struct.unpack_from("<H", data, 18)
    (headers,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<2H", data, 54)
    segments = [struct.unpack_from("<2I4Q", data, headers + size * index) for index in range(count)]
    loaded = [(address, offset, length) for kind, _, offset, address, _, length in segments if kind == 1]
    at, length = next((offset, length) for kind, _, offset, _, _, length in segments if kind == 2)
    entries = [struct.unpack_from("<2Q", data, at + 16 * index) for index in range(length // 16)]
    names = next(value for tag, value in entries if tag == 5)
    names = next(names - address + offset for address, offset, length in loaded if 0 <= names - address < length)
    return cpu, [text_at(data, names + value) for tag, value in entries if tag == 1]


def pe(data):
    """The CPU of a library of Windows, and the libraries that it needs."""
    (start,) = struct.unpack_from("<I", data, 0x3C)
    cpu, sections = struct.unpack_from("<2H", data, start + 4)
    (optional,) = struct.unpack_from("<H", data, start + 20)
    (imports,) = struct.unpack_from("<I", data, start + 24 + 112 + 8)
    first = start + 24 + optional
    ranges = [struct.unpack_from("<4I", data, first + 40 * index + 8) for index in range(sections)]

    def offset(address):
        return next(address - begin + raw for size, begin, _, raw in ranges if 0 <= address - begin < size)

    needed, at = [], offset(imports)
    while (name := struct.unpack_from("<I", data, at + 12)[0]) != 0:
        needed.append(text_at(data, offset(name)).lower())
        at += 20
    return cpu, needed


def mach_o(data):
    """The CPU of a library of macOS, and the libraries that it needs."""
    cpu, _, _, count = struct.unpack_from("<4I", data, 4)
    needed, at = [], 32
    for _ in range(count):
        command, size = struct.unpack_from("<2I", data, at)
        if command & 0x7FFFFFFF in (0xC, 0x18, 0x1F):  # LC_LOAD_DYLIB, LC_LOAD_WEAK_DYLIB, LC_REEXPORT_DYLIB
            needed.append(text_at(data, at + struct.unpack_from("<I", data, at + 8)[0]))
        at += size
    return cpu, needed


FORMATS = {b"\x7fELF": ("ELF", elf), b"MZ\x90\0": ("PE", pe), b"\xcf\xfa\xed\xfe": ("Mach-O", mach_o)}


def check(folder, target):
    """Print a line about the wheel of a target, or end with what is wrong."""
    tag, format_, cpu, system = PLATFORMS[target]
    wheels = [path for path in folder.glob("finsent-*-cp39-abi3-*.whl") if tag in path.stem]
    assert len(wheels) == 1, f"{target}: expected one wheel with {tag} in its name, found {wheels}"
    (wheel,) = wheels
    size = wheel.stat().st_size
    assert size <= MOST_BYTES, f"{wheel.name} has {size} bytes, more than {MOST_BYTES}"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        missing = ALWAYS - set(names)
        assert not missing, f"{wheel.name} lacks {sorted(missing)}"
        entry_points = next(name for name in names if name.endswith("entry_points.txt"))
        assert b"finsent=finsent._command:main" in archive.read(entry_points).replace(b" ", b"")
        (library,) = [name for name in names if re.fullmatch(r"finsent/_finsent\.(abi3\.so|pyd)", name)]
        data = archive.read(library)
    actual, read = FORMATS[data[:4]]
    assert actual == format_, f"{library} in {wheel.name} is {actual}, not {format_}"
    actual, needed = read(data)
    assert actual == cpu, f"{library} in {wheel.name} is for CPU {actual:#x}, not {cpu:#x}"
    others = [name for name in needed if not re.fullmatch(system, name)]
    assert not others, f"{library} in {wheel.name} needs libraries that not every system has: {others}"
    print(f"{wheel.name}: {size / 1e6:.1f} MB, needs {', '.join(needed)}")


folder, targets = Path(sys.argv[1]), sys.argv[2:]
for target in targets:
    check(folder, target)
print(f"test result: ok. {len(targets)} passed; 0 failed; wheels")
