# Read by the commands beside it: finds a Python, brings .venv up to date, and leaves $root and $python.
command=${0##*/}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 1
cd -- "$root" || exit 1
unset PYTHONPATH PYTHONHOME PYTHONSAFEPATH

fits='import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))'
python=
for candidate in "$root/.venv/bin/python" python3.13 python3.12 python3.11 python3; do
    if "$candidate" -c "$fits" >/dev/null 2>&1; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    for candidate in python3.13 python3.12 python3.11 python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            echo "bin/$command: $candidate has no venv or ensurepip: install them (Debian: apt-get install python3-venv)." >&2
            exit 1
        fi
    done
    echo "bin/$command: no Python 3.11 or newer on PATH: install one (Debian: apt-get install python3 python3-venv)." >&2
    exit 1
fi
"$python" -m pylo_site.local.install "$command" || exit
python=$root/.venv/bin/python
