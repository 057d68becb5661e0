"""Tests of a release: its archives, the installer in several shells, the formula, the manifest, and the bill of materials.

A script stands in for the binary. `.ci/run release` runs these tests with `python3 -m unittest`.
"""

import hashlib
import http.server
import importlib.util
import io
import json
import os
import platform
import re
import shutil
import subprocess
import tarfile
import tempfile
import threading
import unittest
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSION = "1.2.3"
REPOSITORY = "https://example.org/acme/finsent"
TARGETS = [
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-gnu",
]
HERE = f"{platform.machine()}-unknown-linux-musl"
SHELLS = [["dash"], ["busybox", "sh"], ["bash"]]
# What the installer needs besides a program that downloads.
TOOLS = "uname mktemp rm grep head cut sha256sum tar gzip mkdir cp chmod mv basename cat sh env"


def archive(name: str, program: str) -> bytes:
    files = {"finsent": f"#!/bin/sh\n{program}\n", "LICENSE": "Apache", "man/finsent.1": "page"}
    files |= {f"completions/finsent.{shell}": "script" for shell in ("bash", "zsh", "fish")}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content.encode()))
    return packed.getvalue()


def release(folder: Path) -> None:
    for product in ("finsent", "finsent-mini"):
        for target in TARGETS:
            name = f"{product}-{VERSION}-{target}"
            if "windows" in target:
                with zipfile.ZipFile(folder / f"{name}.zip", "w") as packed:
                    packed.writestr(f"{name}/finsent.exe", "")
            else:
                (folder / f"{name}.tar.gz").write_bytes(archive(name, f"echo {product} {VERSION}"))
    subprocess.run([ROOT / "deploy/release/describe", folder, VERSION, REPOSITORY], check=True)


class Server(http.server.BaseHTTPRequestHandler):
    """Serves `files`; paths below `/cut/` break off half way."""

    files: Path

    def do_GET(self) -> None:
        file = self.files / Path(self.path).name
        if not file.is_file():
            return self.send_error(404)
        content = file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        is_cut = self.path.startswith("/cut/") and file.name.endswith(".tar.gz")
        self.wfile.write(content[: len(content) // 2] if is_cut else content)

    def log_message(self, *_: object) -> None:
        pass


class ReleaseTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.dist, self.prefix = self.root / "dist", self.root / "a prefix"
        self.dist.mkdir()
        release(self.dist)
        handler = type("Handler", (Server,), {"files": self.dist})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"

    def path_with(self, *programs: str, **scripts: str) -> str:
        """A PATH with the tools of the installer, these programs, and these scripts."""
        folder = Path(tempfile.mkdtemp(dir=self.root))
        for name in [*TOOLS.split(), *programs]:
            (folder / name).symlink_to(shutil.which(name) or "/missing")
        for name, script in scripts.items():
            (folder / name).unlink(missing_ok=True)
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        return str(folder)

    def install(self, *arguments: str, shell=("dash",), folder="", **variables: str):
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.root / "home"), "TMPDIR": str(self.root)}
        environment |= {"FINSENT_BASE_URL": self.url + folder, "FINSENT_PREFIX": str(self.prefix)} | variables
        program = [shutil.which(shell[0]), *shell[1:]]
        script = self.dist / "install.sh"
        return subprocess.run([*program, script, *arguments], env=environment, capture_output=True, text=True)

    def assert_refused(self, done, *parts: str) -> None:
        self.assertEqual(done.returncode, 1, done.stderr)
        for part in ("finsent: error: ", *parts):
            self.assertIn(part, done.stderr)
        self.assertFalse(self.prefix.exists(), "something was installed")
        self.assertEqual([path for path in self.root.iterdir() if path.name.startswith("tmp.")], [])

    def test_it_installs_in_every_shell_with_every_downloader(self):
        downloaders = [("curl",), ("wget",)]
        for shell in SHELLS:
            for downloader in downloaders:
                with self.subTest(shell=shell, downloader=downloader):
                    done = self.install(shell=shell, PATH=self.path_with(*downloader))
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertIn(f"installed finsent-mini {VERSION}", done.stderr)
                    self.assertIn("add it to your PATH", done.stderr)
                    installed = {str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*") if path.is_file()}
                    self.assertEqual(
                        installed,
                        {
                            "bin/finsent",
                            "share/man/man1/finsent.1",
                            "share/doc/finsent/LICENSE",
                            "share/bash-completion/completions/finsent",
                            "share/zsh/site-functions/_finsent",
                            "share/fish/vendor_completions.d/finsent.fish",
                        },
                    )
                    shutil.rmtree(self.prefix)

    def test_it_installs_with_the_wget_of_busybox(self):
        path = self.path_with(wget='exec busybox wget "$@"', busybox=f'exec {shutil.which("busybox")} "$@"')
        self.assertEqual(self.install(shell=("busybox", "sh"), PATH=path).returncode, 0)

    def test_arguments_choose_the_folder_and_the_product(self):
        other = self.root / "other"
        done = self.install("--prefix", str(other), "--without-model", PATH=f"{os.environ['PATH']}:{other}/bin")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"installed finsent {VERSION} in {other}/bin", done.stderr)
        self.assertNotIn("PATH", done.stderr)
        self.assertFalse(self.prefix.exists())
        self.assert_refused(self.install("--force"), "unknown argument --force")
        self.assert_refused(self.install("--prefix"), "--prefix needs a folder")

    def test_an_older_binary_is_replaced_and_stays_if_the_new_one_is_damaged(self):
        binary = self.prefix / "bin/finsent"
        binary.parent.mkdir(parents=True)
        binary.write_text("older")
        (self.dist / f"finsent-mini-{VERSION}-{HERE}.tar.gz").write_bytes(b"damaged")
        self.assertEqual(self.install().returncode, 1)
        self.assertEqual(binary.read_text(), "older")
        release(self.dist)
        self.assertEqual(self.install().returncode, 0)
        self.assertIn(VERSION, binary.read_text())

    def test_an_archive_with_another_sum_is_not_unpacked(self):
        name = f"finsent-mini-{VERSION}-{HERE}.tar.gz"
        (self.dist / name).write_bytes(archive(name.removesuffix(".tar.gz"), "echo evil"))
        self.assert_refused(self.install(), name, "is damaged", "Nothing was installed")

    def test_an_archive_without_a_sum_is_not_downloaded(self):
        sums = self.dist / "SHA256SUMS"
        lines = sums.read_text().splitlines(keepends=True)
        sums.write_text("".join(line for line in lines if HERE not in line))
        self.assert_refused(self.install(), f"has no finsent-mini for {HERE}")
        sums.write_text(f"{'0' * 63}  finsent-mini-{VERSION}-{HERE}.tar.gz\n")
        self.assert_refused(self.install(), f"has no finsent-mini for {HERE}")
        sums.unlink()
        self.assert_refused(self.install(), "cannot download", "SHA256SUMS")

    def test_a_download_that_breaks_off_is_an_error(self):
        for downloader in ("curl", "wget"):
            path = self.path_with(downloader)
            # Without its options, wget would try twenty times.
            done = self.install(folder="/cut", PATH=path, WGETRC=self.wgetrc())
            self.assert_refused(done, "cannot download", ".tar.gz")

    def wgetrc(self) -> str:
        (self.root / "wgetrc").write_text("tries = 1\n")
        return str(self.root / "wgetrc")

    def test_other_systems_and_cpus_are_named(self):
        def uname(system: str, cpu: str) -> str:
            return self.path_with("curl", uname=f'[ "$1" = -s ] && echo {system} || echo {cpu}')

        self.assert_refused(self.install(PATH=uname("Linux", "riscv64")), "for the CPU riscv64, only for x86_64")
        self.assert_refused(self.install(PATH=uname("FreeBSD", "amd64")), "no archive for FreeBSD")
        self.assert_refused(self.install(PATH=uname("MINGW64_NT-10.0", "x86_64")), "Windows", "Scoop")
        for system, cpu, target in [
            ("Linux", "aarch64", "aarch64-unknown-linux-musl"),
            ("Darwin", "arm64", "aarch64-apple-darwin"),
            ("Darwin", "x86_64", "x86_64-apple-darwin"),
        ]:
            done = self.install(PATH=uname(system, cpu))
            self.assertIn(f"{VERSION}-{target}.tar.gz", done.stderr)
            shutil.rmtree(self.prefix)
        translated = self.path_with("curl", uname='[ "$1" = -s ] && echo Darwin || echo x86_64', sysctl="echo 1")
        self.assertIn("aarch64-apple-darwin", self.install(PATH=translated).stderr)

    def test_missing_programs_and_settings_are_named(self):
        self.assert_refused(self.install(PATH=self.path_with()), "neither curl nor wget is installed")
        without_sums = self.path_with("curl")
        (Path(without_sums) / "sha256sum").unlink()
        self.assert_refused(self.install(PATH=without_sums), "install sha256sum, shasum or openssl")
        script = self.dist / "install.sh"
        self.assertIn(f'DEFAULT_BASE_URL="{REPOSITORY}/releases/download/v{VERSION}"', script.read_text())
        shutil.copy(ROOT / "deploy/install.sh", script)
        self.assert_refused(self.install(FINSENT_BASE_URL=""), "set FINSENT_BASE_URL")

    def test_a_folder_that_cannot_be_written_is_named(self):
        (self.root / "file").write_text("")
        done = self.install("--prefix", str(self.root / "file"))
        self.assert_refused(done, "cannot create", "choose another folder with --prefix")

    def test_a_part_of_the_script_does_nothing(self):
        script = self.dist / "install.sh"
        lines = script.read_text().splitlines(keepends=True)
        script.write_text("".join(lines[:-1]))
        done = self.install()
        self.assertEqual((done.returncode, done.stderr, self.prefix.exists()), (0, "", False))

    def sum(self, name: str) -> str:
        return hashlib.sha256((self.dist / name).read_bytes()).hexdigest()

    def test_the_sums_are_those_of_all_archives(self):
        subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=self.dist, check=True)
        self.assertEqual(len((self.dist / "SHA256SUMS").read_text().splitlines()), 2 * len(TARGETS))

    def test_the_formula_is_ruby_and_has_the_sums(self):
        formula = (self.dist / "finsent.rb").read_text()
        self.assertNotIn("@", formula)
        links = re.findall(r'url "(.*/(.*))"\s+sha256 "([0-9a-f]{64})"', formula)
        self.assertEqual(len(links), 4)
        for url, name, expected in links:
            self.assertEqual(url, f"{REPOSITORY}/releases/download/v{VERSION}/{name}")
            self.assertEqual(expected, self.sum(name))
        ruby = subprocess.run(["ruby", "-c", self.dist / "finsent.rb"], capture_output=True, text=True)
        self.assertEqual(ruby.stdout.strip(), "Syntax OK", ruby.stderr)

    def test_the_manifest_has_the_fields_that_scoop_documents(self):
        manifest = json.loads((self.dist / "finsent.json").read_text())
        documented = {"version", "description", "homepage", "license", "architecture", "bin"}
        self.assertEqual(set(manifest), documented)
        package = manifest["architecture"]["64bit"]
        self.assertEqual(set(package), {"url", "hash", "extract_dir"})
        name = package["url"].rsplit("/", 1)[1]
        self.assertEqual(package["hash"], self.sum(name))
        with zipfile.ZipFile(self.dist / name) as packed:
            self.assertEqual(packed.namelist(), [f"{package['extract_dir']}/{manifest['bin']}"])

    def test_a_release_without_an_archive_that_is_named_is_refused(self):
        (self.dist / f"finsent-mini-{VERSION}-aarch64-apple-darwin.tar.gz").unlink()
        done = subprocess.run(
            [ROOT / "deploy/release/describe", self.dist, VERSION, REPOSITORY], capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("finsent.rb names archives that are not in", done.stderr)

    def test_a_trial_names_every_command_and_runs_none(self):
        done = subprocess.run(
            [ROOT / ".ci/release", "--dry-run", "--repository", REPOSITORY], capture_output=True, text=True, check=True
        )
        for target in TARGETS:
            self.assertIn(f"--profile dist --package finsent --target {target} ", done.stderr)
        self.assertIn("deploy/release/describe dist", done.stderr)
        wrong = subprocess.run([ROOT / ".ci/release", "--dry-run", "--tag", "v0.0.1"], capture_output=True, text=True)
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("the tag v0.0.1 does not match the version", wrong.stderr)


# In place of the binary: it answers what a release asks it.
STUB = """#!/bin/sh
case $1 in
    completions) echo "completions of $2" ;;
    man) echo "manual $2" ;;
    --help) printf 'Commands:\\n  classify  Score\\n  help  Print\\n\\nOptions:\\n' ;;
esac
"""

# In place of Cargo: it builds the stub.
CARGO = """#!/bin/sh
[ "$1" != tree ] || exec {cargo} "$@"
while [ $# -gt 0 ]; do
    case $1 in
        --target) target=$2 ;;
        --profile) profile=$2 ;;
        --no-default-features) small=yes ;;
    esac
    shift
done
folder=$CARGO_TARGET_DIR/$target/$profile
mkdir -p "$folder"
case $target in *windows*) program=finsent.exe ;; *) program=finsent ;; esac
cp {stub} "$folder/$program"
echo "# $target ${{small:-mini}}" >>"$folder/$program"
"""


class BuildTest(unittest.TestCase):
    """Builds a release in a copy of the repository, with stand-ins for Cargo and the compilers."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.copy, programs = self.root / "copy", self.root / "programs"
        programs.mkdir()
        for name in subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")[:-1]:
            if (ROOT / name).is_file():
                (self.copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, self.copy / name)

        def script(path: Path, content: str) -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            path.chmod(0o755)

        script(self.root / "stub", STUB)
        script(programs / "cargo", CARGO.format(cargo=shutil.which("cargo"), stub=self.root / "stub"))
        for name in ("rustup", "musl-gcc", "aarch64-linux-gnu-gcc", "x86_64-w64-mingw32-gcc"):
            script(programs / name, "#!/bin/sh\n")
        script(self.copy / "target/zig/bin/maturin", "#!/bin/sh\n")
        self.environment = os.environ | {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "CARGO_TARGET_DIR": str(self.root / "target"),
            "GIT_DIR": subprocess.check_output(["git", "rev-parse", "--absolute-git-dir"], cwd=ROOT, text=True).strip(),
            "GIT_WORK_TREE": str(self.copy),
        }

    def build(self) -> Path:
        command = [self.copy / ".ci/release", "--repository", REPOSITORY]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.copy / "dist"

    def test_every_archive_is_complete_and_built_again_the_same(self):
        dist = self.build()
        sums = (dist / "SHA256SUMS").read_text()
        names = {line.split()[1] for line in sums.splitlines()}
        others = {path.name for path in dist.iterdir()} - names
        self.assertEqual(others, {"SHA256SUMS", "install.sh", "finsent.rb", "finsent.json"})
        self.assertEqual(len(names), 2 * len(TARGETS))
        for name in names:
            if name.endswith(".zip"):
                packed = zipfile.ZipFile(dist / name)
                files = {path: packed.read(path) for path in packed.namelist()}
                folder, program = name.removesuffix(".zip"), "finsent.exe"
            else:
                with tarfile.open(dist / name) as tar:
                    members = {member.name: member for member in tar.getmembers() if member.isfile()}
                    files = {path: tar.extractfile(member).read() for path, member in members.items()}
                    self.assertEqual({member.uid for member in members.values()}, {0})
                folder, program = name.removesuffix(".tar.gz"), "finsent"
            shells = {f"completions/finsent.{shell}" for shell in ("bash", "elvish", "fish", "powershell", "zsh")}
            expected = shells | {program, "man/finsent.1", "man/finsent-classify.1", "sbom.cdx.json"}
            expected |= {"LICENSE", "LICENSES", "README.md", "CHANGELOG.md"}
            self.assertEqual(set(files), {f"{folder}/{path}" for path in expected})
            target = next(target for target in TARGETS if target in name)
            product = "mini" if name.startswith("finsent-mini-") else "yes"
            self.assertTrue(files[f"{folder}/{program}"].decode().endswith(f"# {target} {product}\n"), name)
            bill = json.loads(files[f"{folder}/sbom.cdx.json"])
            self.assertEqual(bill["metadata"]["properties"], [{"name": "target", "value": target}])
        self.assertEqual(sums, (self.build() / "SHA256SUMS").read_text())


class BillOfMaterialsTest(unittest.TestCase):
    """`.ci/run release` installs the validator."""

    @unittest.skipUnless(importlib.util.find_spec("cyclonedx"), "needs cyclonedx-python-lib[json-validation]")
    def test_it_is_valid_and_has_what_cargo_links(self):
        from cyclonedx.schema import SchemaVersion
        from cyclonedx.validation.json import JsonStrictValidator

        with tempfile.TemporaryDirectory() as folder:
            tool = Path(folder) / "licences"
            subprocess.run(["rustc", "--edition", "2024", "-o", tool, "deploy/licences/main.rs"], cwd=ROOT, check=True)
            for target in TARGETS:
                bill = subprocess.check_output([tool, "--sbom", target], cwd=ROOT, text=True)
                self.assertIsNone(JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill), target)
                parsed = json.loads(bill)
                found = {component["name"]: component for component in parsed["components"]}
                self.assertIn("Apache-2.0", found["candle-core"]["licenses"][0]["expression"])
                self.assertRegex(found["candle-core"]["hashes"][0]["content"], "^[0-9a-f]{64}$")
                self.assertEqual("windows-sys" in found, "windows" in target)
                self.assertEqual("core-foundation-sys" in found, "apple" in target)
                self.assertEqual(parsed["metadata"]["component"]["name"], "finsent")
                needs = {entry["ref"]: entry["dependsOn"] for entry in parsed["dependencies"]}
                references = {component.get("bom-ref") for component in parsed["components"]}
                needed = {need for ref in needs for need in needs[ref]}
                self.assertLessEqual(needed, references)
                self.assertGreater(len(needed), 200)


if __name__ == "__main__":
    unittest.main()
