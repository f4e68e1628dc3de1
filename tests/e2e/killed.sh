#!/usr/bin/env bash
# killed.sh vbpr|lightgcn|dragon|grcn: killed with SIGKILL at random moments and started again with the same command
# line, the final tables and losses have the bits of an undisturbed run, and metrics.jsonl is whole. PLATEAU_TEST_SEED
# repeats the moments.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml kills=8 epochs=60
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
# becomes NAME OPTIONS: that model, for fewer and longer steps.
becomes() {
  sed -i "s/^  name: vbpr/  name: $1\n  $2/" "$config"
  kills=4 epochs=20
}
case ${1:-vbpr} in
  vbpr) ;;
  lightgcn) as_lightgcn "$config" ;;
  dragon) becomes dragon 'layers: 2\n  fanout: [6, 4]\n  user_knn: 4\n  user_pad: random\n  knn: 5' ;;
  grcn) becomes grcn 'layers: 1\n  routing: 1\n  latent: 4' ;;
  *) fail "usage: killed.sh vbpr|lightgcn|dragon|grcn" ;;
esac
seed=${PLATEAU_TEST_SEED:-$(($(od -An -N2 -tu2 /dev/urandom)))}
RANDOM=$seed
say "seed $seed"
command=("$plateau" train "$config" --set "train.epochs=$epochs" --set eval.every=5 --set checkpoint.every_s=0.02
  --servers 2 --workers 2 --set cluster.transport=ipc --resume)

begin=$(date +%s%N)
quietly "${command[@]}" --set "run.dir=$work/whole"
took=$((($(date +%s%N) - begin) / 1000000))
reference=$(tables_hash "$work/whole")
say "undisturbed: $took ms, $reference"

run=$work/run
kill_at_random "$kills" "$took" "$run" "${command[@]}"
touch "$run"/{config.yaml,metrics.jsonl,ids.json,features.json}.12-0badcafe.tmp # of one that was killed while it wrote them
quietly "${command[@]}" --set "run.dir=$run"
[[ $(tables_hash "$run") == "$reference" ]] || complain "other tables (seed $seed)"
losses_of "$work/whole" >"$work/losses.txt"
losses_of "$run" | cmp -s - "$work/losses.txt" || complain "losses differ or are missing (seed $seed)"
grep -vE '^\{"event".*\}$' "$run/metrics.jsonl" && complain "metrics.jsonl: lines that are no JSON"
[[ -z $(find "$run" -name '*.part' -o -name '*.tmp') ]] || complain "leftovers: $(find "$run" -name '*.part' -o -name '*.tmp')"
best_of() { readlink "$1/checkpoints/best"; }
[[ $(best_of "$run") == "$(best_of "$work/whole")" ]] || complain "another best checkpoint: $(best_of "$run")"
conclude
