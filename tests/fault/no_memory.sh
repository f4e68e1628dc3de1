#!/usr/bin/env bash
# no_memory.sh [--stride N]: requests for memory that fail, one at a time and all from one on: each time a line and exit
# 71, or the result as ever. Twelve counts of each command by default, at random; with --stride all of 1, 1 + N, ... By
# hand: --stride 1. Then real limits of memory and threads.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"
stride=0
case ${1:-} in
  --stride) stride=${2:?} ;;
  '') ;;
  *) fail "usage: no_memory.sh [--stride N]" ;;
esac

shim=$tools/libno_memory.so config=$work/config.yaml run=$work/run
[[ -e $shim ]] || fail "$shim is missing"
quietly "$plateau" data synth "$work/data" --users 30 --items 20 --interactions 300 --modalities text:4 --seed 1
cat >"$config" <<YAML
run: {seed: 7}
data: {path: $work/data, features: [text_feat.npy]}
model: {name: vbpr, dim: 4}
strategy: {name: bsam+}
optimizer: {name: adam, lr: 0.01}
train: {epochs: 2, batch_size: 256, micro_batch: 64}
eval: {every: 1, topk: [5]}
YAML
awk 'BEGIN { print "user,item,when"; for (i = 1; i <= 400; i++) printf "u%d,i%d,%d\n", i * 7 % 23, i * 11 % 17, i }' >"$work/log.csv"
train_run "$run"

# one FOR N COMMAND: that request, and so many in all, fails; its code in $code.
one() {
  rm -rf "$work/new"
  code=0
  NO_MEMORY_COMMAND=$3 NO_MEMORY_AT=$2 NO_MEMORY_FOR=$1 LD_PRELOAD=$shim timeout 60 "$plateau" "${@:3}" >"$work/stdout.txt" 2>"$work/stderr.txt" \
    </dev/null || code=$?
}
# result: of the last one, as the command has it.
result() {
  case $1 in
    train) [[ ! -e $work/new ]] || tables_hash "$work/new" ;;
    data) [[ ! -e $work/new ]] || (cd "$work/new" && sha256sum -- *.inter *.csv) ;;
    *) cat "$work/stdout.txt" ;;
  esac
}
# counts NAME COMMAND...
counts() {
  local name=$1 n whole found list died=0 times
  shift
  NO_MEMORY_NOTES=$work/asked.txt one 1 0 "$@"
  ((code == 0)) || { cat "$work/stderr.txt" >&2; fail "$name: exit $code"; }
  n=$(cat "$work/asked.txt") whole=$(result "$1")
  ((n > 0)) || fail "$name: nothing was counted"
  if ((stride > 0)); then list=$(seq 1 "$stride" "$n"); else list=$(shuf -i "1-$n" -n 12); fi
  for times in 1 1000000; do
    for count in $list; do
      one "$times" "$count" "$@"
      case $code in
        0) found=$(result "$1"); [[ $found == "$whole" ]] || complain "$name, request $count: another result" ;;
        71) # the line has no room for more where all requests fail
          died=$((died + 1))
          [[ $(grep -c '^plateau: error: .*memory' "$work/stderr.txt") == 1 ]] || { complain "$name, request $count:"; cat "$work/stderr.txt" >&2; } ;;
        *) complain "$name, request $count: exit $code"; tail -n 3 "$work/stderr.txt" >&2 ;;
      esac
      ((stride == 0)) || continue
      ((times == 1)) || break 2 # a few of those that last
    done
  done
  say "$name: $n requests, $died ended it"
  ((died > 0)) || complain "$name: no request that fails is heard of"
}
counts train train "$config" --quiet --set "run.dir=$work/new"
counts evaluate evaluate "$run"
counts recommend recommend "$run" --users 3
counts inspect inspect "$run"
counts import data import "$work/log.csv" -o "$work/new" --user user --item item --time when

say "limits of memory and threads"
# limited LIMIT...: with these limits it ends well, or with 71 and a line.
limited() {
  code=0
  rm -rf "$work/new"
  (ulimit "$@" && exec "$plateau" train "$config" --quiet --set "run.dir=$work/new") >"$work/out.txt" 2>&1 </dev/null || code=$?
  ((code == 0 || code == 71)) || { complain "ulimit $*: exit $code"; tail -n 3 "$work/out.txt" >&2; }
  ((code == 0)) || [[ $(grep -c '^plateau: error: ' "$work/out.txt") == 1 ]] || { complain "ulimit $*: not one line"; cat "$work/out.txt" >&2; }
}
died=0
for kib in 280000 250000 245000 240000 200000 160000 120000 100000 90000; do
  limited -v "$kib"
  ((code == 0)) || died=$((died + 1))
done
((died > 0)) || complain "no limit of memory was too small"

if command -v mpirun >/dev/null; then
  say "a server and a worker of a cluster that get none are replaced"
  embedded=$(tables_hash "$run")
  for command in server worker; do
    rm -rf "$work/new" "$work/once"
    NO_MEMORY_COMMAND=$command NO_MEMORY_ONCE=$work/once NO_MEMORY_AT=1000 quietly timeout 100 mpirun --bind-to none -n 2 \
      -x LD_PRELOAD="$shim" -x NO_MEMORY_COMMAND -x NO_MEMORY_ONCE -x NO_MEMORY_AT "$plateau" train "$config" --set "run.dir=$work/new"
    [[ -e $work/once ]] || complain "$command: no request failed"
    grep -q 'the process of rank [01] on .*: out of memory: .* start again' "$work/quietly.txt" || { complain "$command: no word of it"; cat "$work/quietly.txt" >&2; }
    [[ $(tables_hash "$work/new") == "$embedded" ]] || complain "$command: other tables"
  done
fi
conclude
