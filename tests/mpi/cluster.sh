#!/usr/bin/env bash
# A job under mpirun: the bits of the embedded run, whoever dies on the way; USR1 and --resume with another shape;
# evaluate and export over ranks; one error, not one per rank. EPOCHS, KILLS, REFUSALS: more of each, by hand.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"
need_mpirun

make_data "$work/data"
config=$work/config.yaml
write_config "$config" "$work/data" "$bsam_plus"
tables() { quietly "$plateau" export "$1" -o "$1-tables" --last; cat "$1-tables"/*.npy | sha256sum; }
same() { [[ $(tables "$1") == "${3:-$reference}" ]] || complain "$2: other bits than the undisturbed run"; }

epochs=${EPOCHS:-20} # of runs that nothing happens to; the others have to be under way when it does
disturbed_epochs=$((3 * epochs))
quietly "$plateau" train "$config" --set run.dir="$work/embedded" --set train.epochs="$epochs"
reference=$(tables "$work/embedded")

say "the bits of the embedded run"
quietly ranks 5 train "$config" --servers 2 --set run.dir="$work/plain" --set train.epochs="$epochs"
same "$work/plain" "2 servers, 3 workers"
quietly ranks 3 train "$config" --set run.dir="$work/tcp" --set train.epochs="$epochs" --set cluster.transport=tcp
same "$work/tcp" "1 server, 2 workers, tcp"

say "values in shared memory"
shares() { grep -rqs 'values go through shared memory' "$1/logs"; }
shares "$work/plain" || complain "ranks of one machine share no memory: $(grep -rhs 'no shared memory' "$work/plain/logs" | head -n 1)"
! shares "$work/tcp" || complain "memory is shared over tcp"
for wire in f32 bf16; do
  for how in auto off; do
    quietly ranks 4 train "$config" --servers 2 --set run.dir="$work/memory-$wire-$how" --set train.epochs=4 \
      --set "cluster.wire=$wire" --set "cluster.shared_memory=$how"
  done
  ! shares "$work/memory-$wire-off" || complain "memory is shared though that is off"
  [[ $(tables "$work/memory-$wire-auto") == $(tables "$work/memory-$wire-off") ]] || complain "shared memory: other bits, $wire"
done

say "a graph model: the graph in a file that the workers map"
graph=$work/graph.yaml
cp "$config" "$graph" && as_lightgcn "$graph"
for how in embedded ranks; do
  [[ $how == ranks ]] && command=(ranks 5 train "$graph" --servers 2) || command=("$plateau" train "$graph")
  quietly "${command[@]}" --set run.dir="$work/graph-$how" --set train.epochs=4 --set eval.every=1
done
[[ -n $(find "$work/graph-ranks/cache" -name 'graph-*') ]] || complain "graph model: no file for the workers"
[[ $(tables "$work/graph-ranks") == $(tables "$work/graph-embedded") ]] || complain "graph model: other bits under mpirun"

say "machines with other kernels"
# Every x86-64 processor can be made an old one. What the others have is what the program says.
if ! lesser_kernels; then
  say "skipped: there is one set of kernels for this processor"
else
  (export "$lesser_variable=$lesser_set" && train_run "$work/oldest" --set train.epochs="$epochs")
  own=$(kernels_of "$work/embedded") oldest=$(kernels_of "$work/oldest")
  [[ $(tables "$work/oldest") != "$reference" ]] || complain "$own and $oldest: the same bits, so these checks say nothing"
  quietly timeout 120 mpirun --bind-to none -n 1 "$plateau" train "$config" --set run.dir="$work/cores" --set train.epochs="$epochs" \
    : -n 2 -x "$lesser_variable=$lesser_set" "$plateau" train "$config"
  for worker in 0 1; do
    grep -q "products by .* for $oldest," "$work/cores/logs/worker-$worker.txt" || complain "ranks do not agree on the kernels of products"
  done
  ! grep -qr "products by .* for $own," "$work/cores/logs" || complain "a rank runs its own kernels"
  [[ $(tables "$work/cores") == $(tables "$work/oldest") ]] || complain "agreed kernels: other bits"
fi

say "evaluate and export over ranks"
quietly ranks 3 export "$work/plain" --last --servers 2 -o "$work/over-ranks"
[[ $(cat "$work/over-ranks"/*.npy | sha256sum) == "$reference" ]] || complain "export under mpirun: other bits"
quietly ranks 3 evaluate "$work/plain" --split test
quietly ranks 4 export "$work/graph-ranks" --vectors --last -o "$work/vectors-ranks"
quietly "$plateau" export "$work/graph-ranks" --vectors --last -o "$work/vectors"
[[ -s $work/vectors/user_vectors.npy && $(cat "$work/vectors"/*.npy | sha256sum) == $(cat "$work/vectors-ranks"/*.npy | sha256sum) ]] ||
  complain "export --vectors under mpirun: other bits"

say "secrets"
for mode in token curve; do
  run=$work/secret-$mode
  ranks 3 train "$config" --set run.dir="$run" --set train.epochs=100000 --set cluster.transport=tcp --set "cluster.security=$mode" \
    >"$work/$mode.txt" 2>&1 &
  job=$!
  wait_for_step "$run"
  seen=0
  for process in $(children "$run") $(supervisors "$run"); do
    tr '\0' '\n' <"/proc/$process/cmdline" >"$work/$mode-cmdline-$process.txt"
    tr '\0' '\n' <"/proc/$process/environ" >"$work/$mode-environ-$process.txt"
    seen=$((seen + 1))
  done
  supervisors "$run" | tail -n 1 | xargs kill -USR1
  wait "$job" || true
  ((seen == 6)) || complain "$mode: $seen processes, 6 expected"
  mapfile -t files < <(find "$run" "$work/$mode".txt "$work/$mode"-*.txt -type f ! -name '*.h5')
  expect_no_secrets "$mode" "${files[@]}"
done

say "children killed"
quietly "$plateau" train "$config" --set run.dir="$work/undisturbed" --set train.epochs="$disturbed_epochs"
undisturbed=$(tables "$work/undisturbed")
run=$work/killed
ranks 5 train "$config" --servers 2 --set run.dir="$run" --set train.epochs="$disturbed_epochs" --set checkpoint.every_epochs=2 \
  >"$work/killed.txt" 2>&1 &
job=$!
kills=0
for ((i = 0; i < ${KILLS:-3}; i++)); do
  wait_for_step "$run"
  victim=$(children "$run" | shuf -n 1)
  if [[ -n $victim ]] && kill -9 "$victim" 2>/dev/null; then kills=$((kills + 1)); fi
  sleep 1
done
for process in $(supervisors "$run") $(children "$run"); do
  lent=$(readlink "/proc/$process/fd"/* 2>/dev/null | grep -c plateau-lent || true)
  ((lent <= 1)) || complain "process $process holds $lent descriptors of lent memory"
done
code=0
wait "$job" || code=$?
((code == 0)) || { cat "$work/killed.txt" >&2; complain "killed children: exit $code"; }
recoveries=$(grep -c '"recovery"' "$run/metrics.jsonl" || true)
say "$kills killed, $recoveries recoveries"
((kills == 0 || recoveries > 0)) || complain "children were killed, but no recovery was noted"
same "$run" "killed children" "$undisturbed"

# end_with_kills WHAT STAGES...: of the job begun last, in $run, kills a child in each stage and waits for its end.
end_with_kills() {
  local what=$1 job=$! stage i code=0
  shift
  for stage in "$@"; do
    for ((i = 0; i < 1200; i++)); do
      if grep -qs "\"stage\": \"$stage\"" "$run/metrics.jsonl" || ! kill -0 "$job" 2>/dev/null; then break; fi
      sleep 0.05
    done
    children "$run" | shuf -n 1 | xargs -r kill -9 || true
  done
  wait "$job" || code=$?
  ((code == 0)) || { cat "$run.txt" >&2; complain "$what: exit $code"; }
  say "$(grep -c '"recovery"' "$run/metrics.jsonl" || true) recoveries"
}

say "training in stages, a child killed in each"
stages=(--set "procedure=[{stage: train, name: first, model: {name: bpr, dim: 16}, train: {epochs: $((disturbed_epochs / 2))}},
  {stage: train, fresh: [item], frozen: [user], train: {epochs: $((disturbed_epochs / 2))}}]"
  --set 'optimizer.tables={"proj_*": {lr: 0.02}}')
quietly "$plateau" train "$config" --set run.dir="$work/stages-alone" "${stages[@]}"
run=$work/stages
ranks 5 train "$config" --servers 2 --set run.dir="$run" "${stages[@]}" --set checkpoint.every_epochs=2 >"$work/stages.txt" 2>&1 &
end_with_kills "training in stages" first train
same "$run" "training in stages" "$(tables "$work/stages-alone")"

say "invariant learning, a child killed in two of its stages"
cat >"$work/invariant.yaml" <<YAML
run: {seed: 3}
data: {path: $work/data, features: [text_feat.npy, image_feat.npy]}
model: {name: m3invrl, dim: 8, feat_dim: 8, width: 8, negatives: 4}
optimizer: {name: adam, lr: 0.01}
train: {batch_size: 512, micro_batch: 128, epochs: 4}
eval: {every: 0}
procedure:
- {stage: encoders}
- {stage: environments, environments: 2, rounds: 2, stop_share: 0}
- {stage: mask}
- {stage: models}
- {stage: fusion, fusion: learned}
YAML
quietly "$plateau" train "$work/invariant.yaml" --set run.dir="$work/invariant-alone"
run=$work/invariant
ranks 5 train "$work/invariant.yaml" --servers 2 --set run.dir="$run" --set checkpoint.every_epochs=2 >"$work/invariant.txt" 2>&1 &
end_with_kills "invariant learning" environments models
same "$run" "invariant learning" "$(tables "$work/invariant-alone")"

say "a job that keeps dying"
run=$work/dying
ranks 3 train "$config" --set run.dir="$run" --set train.epochs=100000 --set checkpoint.every_epochs=0 --set checkpoint.every_s=0 \
  --set cluster.max_restarts=2 --quiet >"$work/dying.txt" 2>&1 &
job=$!
for ((i = 0; i < 100; i++)); do
  kill -0 "$job" 2>/dev/null || break
  children "$run" server | xargs -r kill -9 2>/dev/null || true
  sleep 0.3
done
code=0
wait "$job" || code=$?
((code == 69)) || { cat "$work/dying.txt" >&2; complain "a job that keeps dying: exit $code, not 69: it would be started again and again"; }
grep -q 'plateau: error:.*gave up after 2 restarts.*max_restarts' "$work/dying.txt" || { cat "$work/dying.txt" >&2; complain "a job that keeps dying: does not say why it gave up"; }

say "USR1, then --resume with another shape"
run=$work/preempted
ranks 4 train "$config" --set run.dir="$run" --set train.epochs="$disturbed_epochs" >"$work/usr1.txt" 2>&1 &
job=$!
wait_for_step "$run"
supervisor=$(supervisors "$run" | tail -n 1)
kill -USR1 "$supervisor"
code=0
wait "$job" || code=$?
((code == 75 || code == 0)) || { cat "$work/usr1.txt" >&2; complain "USR1: exit $code, not 75"; }
quietly ranks 5 train "$config" --servers 3 --set run.dir="$run" --set train.epochs="$disturbed_epochs" --resume
same "$run" "USR1 and --resume" "$undisturbed"

say "USR1 while the configuration is still read"
run=$work/early
mkfifo "$work/slow.yaml"
ranks 3 train "$work/slow.yaml" --set run.dir="$run" --set train.epochs=100000 >"$work/early.txt" 2>&1 &
job=$!
# Ranks that would not be ended by it: their mask of signals caught has number 10.
prepared() {
  local process
  for process in $(supervisors "$run"); do
    ((0x$(awk '/^SigCgt/ { print $2 }' "/proc/$process/status") >> 9 & 1)) && echo "$process"
  done | wc -l
}
for ((i = 0; i < 200; i++)); do
  (($(prepared) < 3)) || break
  sleep 0.1
done
supervisors "$run" | xargs kill -USR1
timeout 60 cp "$config" "$work/slow.yaml"
code=0
wait "$job" || code=$?
((code == 75)) || { cat "$work/early.txt" >&2; complain "an early USR1: exit $code, not 75"; }

say "one error, not one per rank"
# one_error WHAT CODE PATTERN COMMAND...: some times in a row, because what is lost is lost by chance.
one_error() {
  local what=$1 expected=$2 pattern=$3 i code
  shift 3
  for ((i = 0; i < ${REFUSALS:-2}; i++)); do
    code=0
    "$@" >"$work/refused.txt" 2>&1 </dev/null || code=$?
    if ((code != expected)) || (($(grep -c 'plateau: error:' "$work/refused.txt") != 1)) ||
      ! grep -q "plateau: error: .*$pattern" "$work/refused.txt"; then
      cat "$work/refused.txt" >&2
      complain "$what: exit $code, $expected expected, and one line with \"$pattern\""
    fi
  done
}
refused=(train "$config" --set run.dir="$work/refused")
one_error "a wrong command" 64 'no command "trian"' ranks 3 trian "$config"
one_error "a wrong name" 64 vbrp ranks 3 "${refused[@]}" --set model.name=vbrp
one_error "a wrong path" 64 nothing.yaml ranks 3 train "$work/nothing.yaml"
one_error "more servers than ranks" 64 '3 servers and a worker need 4 ranks' ranks 3 "${refused[@]}" --servers 3
one_error "a wrong interface" 64 nowhere0 ranks 3 "${refused[@]}" --set cluster.interface=nowhere0 --set cluster.transport=tcp --resume
mkdir "$work/seen"
if unshare -m true 2>/dev/null; then
  # shellcheck disable=SC2016
  one_error "a run directory that rank 2 does not see" 73 'rank 2 on .* does not see' timeout 120 mpirun --bind-to none \
    -n 2 "$plateau" train "$config" --set run.dir="$work/seen/run" --resume \
    : -n 1 unshare -m sh -c 'mount -t tmpfs none "$1" && exec "$2" train' sh "$work/seen" "$plateau"
else
  say "skipped: a run directory that a rank does not see (no right to unshare -m)"
fi

leftover=$(children "$work")
[[ -z $leftover ]] || complain "left running: $leftover"
conclude
