#!/usr/bin/env bash
# plateau bench: every benchmark runs to its end with tiny settings, and what it prints can be read and compared. No
# figure is judged: machines differ.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

# A moment of each; --rows and --transport narrow what would fill large tables.
tiny=(--runs 1 --seconds 0.001 --scale 2)
declare -A narrow=([ps]="--rows 512 --transport inproc" [wire]="--rows 512" [table]="" [train]="" [eval]="")
declare -A wants=([ps]="inproc 512 sgd,inproc 512 adam,inproc 512 births,inproc 512 bare zmq,inproc 512 array"
  [wire]="inproc 512 sgd,ipc 512 sgd,tcp 512 bare zmq,tcp 512 bare zmq bf16" [table]="sgd,adam,array adam,ftrl"
  [train]="bpr\\, sgd,vbpr\\, adam,lightgcn\\, adam,plain loop,bare products" [eval]="bpr\\, full ranking,bare product")

# positive KEY FILE: every value of KEY is a positive number, and there is one.
positive() { grep -oE "\"$1\": *[^,}]*" "$2" | grep -qE '[1-9]' && ! grep -qE "\"$1\": *(null|-|0\.0[,}])" "$2"; }

for bench in ps wire table train eval; do
  say "$bench"
  read -ra options <<<"${narrow[$bench]}"
  "$plateau" bench "$bench" "${tiny[@]}" "${options[@]}" --json >"$work/$bench.json" || fail "bench $bench --json: exit $?"
  [[ $(wc -l <"$work/$bench.json") == 1 ]] || complain "bench $bench --json: not one line"
  for key in value ratio; do positive $key "$work/$bench.json" || complain "bench $bench: $key"; done
  # reading it again is what says that it is JSON
  "$plateau" bench "$bench" "${tiny[@]}" "${options[@]}" --compare "$work/$bench.json" >"$work/$bench.txt" ||
    fail "bench $bench --compare: exit $?"
  grep -q 'the figure over that of' "$work/$bench.txt" || complain "bench $bench --compare: nothing compared"
  while read -r name; do
    grep -qF "\"name\": \"$name\"" "$work/$bench.json" || complain "bench $bench --json: no \"$name\""
    grep -qF "$name" "$work/$bench.txt" || complain "bench $bench: no $name"
  done < <(sed 's/\\,/;/g; s/,/\n/g; s/;/,/g' <<<"${wants[$bench]}")
done
[[ -z $(find /tmp -maxdepth 1 -name 'plateau-bench-*' -newer "$work/ps.json" -user "$(id -u)") ]] || complain "folders are left in /tmp"
"$plateau" bench table "${tiny[@]}" --only sgd --json | grep -q '"adagrad"' && complain "--only sgd measures adagrad"

say "wrong arguments"
# refused CODE PATTERN ARGUMENTS...
refused() {
  local code=$1 pattern=$2 got=0
  shift 2
  "$plateau" bench "$@" >"$work/out.txt" 2>&1 || got=$?
  [[ $got == "$code" ]] || complain "exit $got instead of $code: bench $*"
  grep -qE -- "$pattern" "$work/out.txt" || { complain "no \"$pattern\": bench $*"; cat "$work/out.txt"; }
}
refused 64 'needs ps, wire'
refused 64 'none of: ps' nothing
refused 64 'runs 0: a number' ps --runs 0
refused 64 'runs 1.5: a whole' ps --runs 1.5
refused 64 'seconds x' ps --seconds x
refused 64 'none of inproc' ps --transport carrier-pigeon
refused 64 'steps of 512' ps --rows 17
refused 64 'no such optimizer' table --only nothing --scale 1
refused 64 'is not measured \(bpr, vbpr, lightgcn\)' train --only nothing
refused 65 'but of table' ps --compare "$work/table.json"
printf '{"bench": "table"' >"$work/not.json"
refused 65 'not.json' table --compare "$work/not.json"
refused 74 'gone.json' table --compare "$work/gone.json"
conclude
