#!/usr/bin/env bash
# killed.sh vbpr|lightgcn: killed with SIGKILL at random moments and started again with the same command line, the final
# tables and losses have the bits of an undisturbed run, and metrics.jsonl is whole. PLATEAU_TEST_SEED repeats the moments.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml kills=8
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
[[ ${1:-vbpr} == vbpr ]] || as_lightgcn "$config"
seed=${PLATEAU_TEST_SEED:-$(($(od -An -N2 -tu2 /dev/urandom)))}
RANDOM=$seed
say "seed $seed"
command=("$plateau" train "$config" --set train.epochs=60 --set eval.every=5 --set checkpoint.every_s=0.02
  --servers 2 --workers 2 --set cluster.transport=ipc --resume)

begin=$(date +%s%N)
quietly "${command[@]}" --set "run.dir=$work/whole"
took=$((($(date +%s%N) - begin) / 1000000))
reference=$(tables_hash "$work/whole")
say "undisturbed: $took ms, $reference"

run=$work/run died=0
for ((i = 1; i <= kills; i++)); do
  ms=$((20 + RANDOM % (took / 3 + 1)))
  "${command[@]}" --set "run.dir=$run" >"$work/out.txt" 2>&1 </dev/null &
  job=$!
  sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
  kill -KILL "$job" 2>/dev/null && died=$((died + 1))
  code=0
  wait "$job" 2>/dev/null || code=$?
  ((code == 137 || code == 0)) || { complain "start $i: exit $code"; cat "$work/out.txt"; }
  say "killed after $ms ms at clock $(basename "$(readlink "$run/checkpoints/last" 2>/dev/null || echo none)")"
  ((code != 0)) || break
done
((died >= 2)) || fail "only $died kills struck a run"
quietly "${command[@]}" --set "run.dir=$run"
[[ $(tables_hash "$run") == "$reference" ]] || complain "other tables (seed $seed)"
losses_of "$work/whole" >"$work/losses.txt"
losses_of "$run" | cmp -s - "$work/losses.txt" || complain "losses differ or are missing (seed $seed)"
grep -vE '^\{"event".*\}$' "$run/metrics.jsonl" && complain "metrics.jsonl: lines that are no JSON"
[[ -z $(find "$run" -name '*.part' -o -name '*.tmp') ]] || complain "leftovers: $(find "$run" -name '*.part' -o -name '*.tmp')"
best_of() { readlink "$1/checkpoints/best"; }
[[ $(best_of "$run") == "$(best_of "$work/whole")" ]] || complain "another best checkpoint: $(best_of "$run")"
conclude
