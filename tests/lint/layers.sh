#!/usr/bin/env bash
# The rules of the tree: who may include whom, which library belongs to which layer, no exit or environment reads
# outside launch/. Run from anywhere; prints each breach as file:line.
set -euo pipefail
cd "$(dirname "$0")/../.."

breaches=0
# forbid RULE PATTERN FILE...: no line of these files (comments stripped) matches.
forbid() {
  local rule=$1 pattern=$2 found
  shift 2
  found=$(awk -v rule="$rule" '
    { line = $0; gsub(/\/\*.*\*\//, "", line); sub(/\/\*.*/, "", line); sub(/^ \*.*/, "", line); sub(/\/\/.*/, "", line) }
    { printf "%s:%d:%s\n", FILENAME, FNR, line }' "$@" | grep -E "^[^:]*:[0-9]+:.*(${pattern#^})" |
    { [[ $pattern == ^* ]] && grep -E "^[^:]*:[0-9]+:${pattern#^}" || cat; } || true)
  [[ -n $found ]] || return 0
  breaches=$((breaches + $(wc -l <<<"$found")))
  sed "s|$|   <- $rule|" <<<"$found"
}
# sources DIR...: their .c and .h files, but for those that match $except (a regular expression).
sources() {
  local except=${except:-'^$'}
  find "$@" -name '*.[ch]' 2>/dev/null | grep -vE "$except" | sort || true
}
include() { printf '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<](%s)' "$1"; }

mapfile -t files < <(sources common)
forbid "common includes only common" "$(include '(proto|ps|worker|launch|tests)/')" "${files[@]}"
mapfile -t files < <(sources proto)
forbid "proto includes only common and proto" "$(include '(ps|worker|launch|tests)/')" "${files[@]}"
mapfile -t files < <(sources ps)
forbid "ps includes only common, proto, ps" "$(include '(worker|launch|tests)/')" "${files[@]}"
mapfile -t files < <(sources worker)
forbid "worker includes only common, proto, worker" "$(include '(ps|launch|tests)/')" "${files[@]}"
mapfile -t files < <(sources launch)
forbid "launch does not include tests" "$(include 'tests/')" "${files[@]}"

mapfile -t files < <(except='^tests/mpi/' sources common proto ps worker tests)
forbid "mpi.h only in launch/" "$(include 'mpi\.h')" "${files[@]}"
mapfile -t files < <(except='^(proto/wire[a-z_]*\.c|tests/bench/)' sources common proto ps worker launch tests)
forbid "zmq.h only in proto/wire*.c and tests/bench" "$(include 'zmq(_utils)?\.h')" "${files[@]}"
mapfile -t files < <(except='^proto/frame\.c$' sources common proto ps worker launch tests)
forbid "*.pb-c.h only in proto/frame.c" "$(include '[^">]*(\.pb-c\.h|protobuf-c\.h)')" "${files[@]}"
mapfile -t files < <(except='^(worker|tests/bench)/' sources common proto ps worker launch tests)
forbid "cblas.h only in worker/" "$(include 'cblas(-[a-z0-9]*)?\.h')" "${files[@]}"
mapfile -t files < <(except='^(ps|tests/unit/ps)/' sources common proto ps worker launch tests)
forbid "hdf5.h only in ps/" "$(include 'hdf5[a-z_]*\.h')" "${files[@]}"
mapfile -t files < <(sources common proto ps worker)
forbid "no exit outside launch/" '\b(exit|_exit|quick_exit)[[:space:]]*\(' "${files[@]}"
forbid "no environment reads outside launch/" '\b(getenv|secure_getenv)[[:space:]]*\(|\benviron\b' "${files[@]}"

((breaches == 0)) && echo "layers: clean"
((breaches == 0))
