#!/usr/bin/env bash
# run_data.sh CASE: what `plateau data` makes of the words in CASE/command, against CASE/expect: interactions to the
# byte, features to what float32 holds.
set -euo pipefail
(($# == 1)) || { echo "usage: run_data.sh CASE_DIR" >&2; exit 64; }
given=$1
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ -f $given/command ]] || fail "$given: no golden case of data"

read -ra words <"$given/command"
(cd "$given" && "$plateau" data "${words[@]}" -o "$work/out" >"$work/quietly.txt" 2>&1) || { cat "$work/quietly.txt"; fail "data ${words[*]}"; }
for expected in "$given"/expect/*.inter; do
  diff "$expected" "$work/out/$(basename "$expected")" >"$work/diff.txt" || { head -n 5 "$work/diff.txt"; complain "interactions"; }
done
if compgen -G "$given/expect/*.npy" >/dev/null; then
  "$tools/npy_compare" "$work/out" "$given/expect" --tolerance 1e-6 || complain "features"
fi
conclude
