# Sourced by scripts/run, scripts/test and scripts/hisbus: a virtual environment of the project's own in .venv.
# Made once, and again when pyproject.toml or constraints.txt changes; a second start takes no time.
# Needs Python 3.11 or newer. PYTHON=/path/to/python3.12 picks another one.

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
venv="$root/.venv"

say() { printf '%s\n' "$*" >&2; }

find_python() {
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$candidate"
            return 0
        fi
    done
    say "hisbus needs Python 3.11 or newer; none was found. On Debian: apt-get install python3"
    return 1
}

# Debian keeps ensurepip in a package of its own.
need_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "  installing python3-venv (Debian keeps it apart from python3) ..."
        apt-get update -q >/dev/null 2>&1
        apt-get install -y -q python3-venv >/dev/null 2>&1 && return 0
    fi
    say "this Python cannot make virtual environments. On Debian: apt-get install python3-venv"
    return 1
}

# prepare [extra]: the environment with the project in it, and with an extra of pyproject.toml.
prepare() {
    extra="${1:-}"
    python=$(find_python) || exit 3
    stamp="$venv/.stamp${extra:+-$extra}"
    wanted=$(cat "$root/pyproject.toml" "$root/constraints.txt" | "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return 0
    need_venv "$python" || exit 3
    say "hisbus: preparing $venv (once; about a minute)"
    [ -x "$venv/bin/python" ] || { say "  1/3 virtual environment"; "$python" -m venv "$venv"; } || exit 3
    say "  2/3 packages"
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off \
        -c "$root/constraints.txt" -e "$root${extra:+[$extra]}" 2>&1 | sed -n 's/^Collecting \([^ ]*\).*/      \1/p' >&2
    say "  3/3 checking"
    "$venv/bin/python" -c 'import engine, aiohttp, lxml, orjson, pydantic, sqlalchemy, structlog, yaml' || {
        say "the packages could not be installed: is a package index reachable?"
        exit 3
    }
    printf '%s' "$wanted" > "$stamp"
}
