#!/bin/sh
# Installs finsent from a release: finds the archive for this machine, checks its SHA-256, and unpacks it below a prefix.
# Needs no root, and curl or wget.
#
#   curl -fsSL URL/install.sh | sh
#   sh install.sh [--prefix FOLDER] [--without-model]
#
#   --prefix FOLDER   install to FOLDER/bin and FOLDER/share [default: $FINSENT_PREFIX, or else ~/.local]
#   --without-model   install the binary that has no model inside
#
# FINSENT_BASE_URL is the address of the folder that holds the archives and SHA256SUMS.
set -eu

# `.ci/release` writes the address of the release here.
DEFAULT_BASE_URL=""

fail() {
    printf 'finsent: error: %s\n' "$*" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# The target of the archive for this system and CPU.
target() {
    system=$(uname -s) cpu=$(uname -m)
    case $system in
        Linux) system=unknown-linux-musl ;;
        Darwin)
            system=apple-darwin
            # A shell that Rosetta translates says that the CPU is another.
            if [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || :)" = 1 ]; then cpu=arm64; fi
            ;;
        MINGW* | MSYS* | CYGWIN*) fail "this script does not install on Windows; use Scoop, or unpack the .zip archive" ;;
        *) fail "there is no archive for $system; build finsent from source" ;;
    esac
    case $cpu in
        x86_64 | amd64) cpu=x86_64 ;;
        aarch64 | arm64) cpu=aarch64 ;;
        *) fail "there is no archive for the CPU $cpu, only for x86_64 and aarch64; build finsent from source" ;;
    esac
    echo "$cpu-$system"
}

# download URL FILE
download() {
    if has curl; then
        curl --fail --silent --show-error --location --retry 2 --output "$2" "$1" ||
            fail "cannot download $1; check the address and the network, and run the script again"
    elif has wget; then
        wget -q -O "$2" "$1" ||
            fail "cannot download $1; check the address and the network, and run the script again"
    else
        fail "neither curl nor wget is installed; install one of them, or download $1 yourself"
    fi
}

# sha256 FILE: prints its SHA-256 and more.
sha256() {
    if has sha256sum; then
        sha256sum "$1"
    elif has shasum; then
        shasum -a 256 "$1"
    elif has openssl; then
        openssl dgst -sha256 -r "$1"
    else
        return 1
    fi
}

# place FILE FOLDER [MODE]: installs a file, if the archive has it. A program that runs keeps its file.
place() {
    [ -f "$1" ] || return 0
    mkdir -p "$2" || fail "cannot create $2; choose another folder with --prefix"
    name=$2/$(basename "$1")
    if ! { cp "$1" "$name.new" && chmod "${3:-644}" "$name.new" && mv -f "$name.new" "$name"; }; then
        rm -f "$name.new"
        fail "cannot write $name; choose another folder with --prefix"
    fi
}

main() {
    prefix=${FINSENT_PREFIX:-} product=finsent-mini
    while [ $# -gt 0 ]; do
        case $1 in
            --prefix)
                [ $# -gt 1 ] || fail "--prefix needs a folder"
                prefix=$2
                shift
                ;;
            --prefix=*) prefix=${1#--prefix=} ;;
            --without-model) product=finsent ;;
            *) fail "unknown argument $1; the arguments are --prefix FOLDER and --without-model" ;;
        esac
        shift
    done
    if [ -z "$prefix" ]; then
        [ -n "${HOME:-}" ] || fail "HOME is not set; say where to install with --prefix FOLDER"
        prefix=$HOME/.local
    fi
    base=${FINSENT_BASE_URL:-$DEFAULT_BASE_URL}
    [ -n "$base" ] || fail "set FINSENT_BASE_URL to the address of the folder with the archives and SHA256SUMS"
    base=${base%/}
    target=$(target)

    work=$(mktemp -d) || fail "cannot create a temporary folder"
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    download "$base/SHA256SUMS" "$work/SHA256SUMS"
    # A line is a sum, two blanks and a name. The version is whatever the release has.
    line=$(grep -E "^[0-9a-f]{64}  $product-[0-9][^ /]*-$target\.tar\.gz\$" "$work/SHA256SUMS" | head -n 1) || :
    [ -n "$line" ] || fail "$base/SHA256SUMS has no $product for $target; build finsent from source"
    expected=${line%% *} archive=${line##* }

    printf 'finsent: downloading %s\n' "$base/$archive" >&2
    download "$base/$archive" "$work/$archive"
    actual=$(sha256 "$work/$archive") ||
        fail "no program here computes SHA-256; install sha256sum, shasum or openssl"
    actual=${actual%% *}
    if [ "$actual" != "$expected" ]; then
        fail "$archive is damaged: its SHA-256 is $actual instead of $expected. Nothing was installed; run the script again"
    fi
    tar -x -z -f "$work/$archive" -C "$work" || fail "cannot unpack $archive"
    from=$work/${archive%.tar.gz}
    "$from/finsent" --version >/dev/null || fail "the binary for $target does not run on this machine"

    place "$from/finsent" "$prefix/bin" 755
    for page in "$from"/man/*.1; do place "$page" "$prefix/share/man/man1"; done
    for file in LICENSE LICENSES README.md CHANGELOG.md; do place "$from/$file" "$prefix/share/doc/finsent"; done
    completions=$from/completions
    mv "$completions/finsent.bash" "$completions/finsent" && mv "$completions/finsent.zsh" "$completions/_finsent"
    place "$completions/finsent" "$prefix/share/bash-completion/completions"
    place "$completions/_finsent" "$prefix/share/zsh/site-functions"
    place "$completions/finsent.fish" "$prefix/share/fish/vendor_completions.d"

    printf 'finsent: installed %s\n' "$("$prefix/bin/finsent" --version) in $prefix/bin" >&2
    # shellcheck disable=SC2016 # The user's shell expands it.
    case :${PATH:-}: in
        *:"$prefix/bin":*) ;;
        *) printf 'finsent: add it to your PATH: export PATH="%s:$PATH"\n' "$prefix/bin" >&2 ;;
    esac
}

# At the end, so that a part of this script does nothing.
main "$@"
