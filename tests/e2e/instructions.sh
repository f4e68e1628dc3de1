#!/usr/bin/env bash
# Instructions that the hot paths take on a fixed input, counted by callgrind, against tests/e2e/instructions.txt. A path
# that takes a tenth more than there fails: a clock would not tell on a machine that is shared. One that takes a tenth
# less is told of. After a change that is meant: tests/e2e/instructions.sh --write.
#
# valgrind knows AVX2 and nothing newer, so all processors that have it run the same instructions; counts belong to a
# compiler, which the file names. Paths with products of matrices are not held: those are the library's. Skipped (77) without valgrind, without AVX2, and for another compiler or build.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
skip() { say "skipped: $*"; exit 77; }
command -v valgrind >/dev/null || skip "valgrind is not installed"
command -v callgrind_annotate >/dev/null || skip "callgrind_annotate is not installed"
grep -qw avx2 /proc/cpuinfo || skip "the processor has no AVX2"
known=$root/tests/e2e/instructions.txt
compiler=$("$plateau" --version | sed -n 's/^compiler  *//p')
[[ $compiler == *Release ]] || skip "a build that is not Release: $compiler"
if [[ ${1:-} != --write && $compiler != "$(sed -n 's/^# compiler: //p' "$known")" ]]; then
  skip "counts are known for $(sed -n 's/^# compiler: //p' "$known"), this is $compiler"
fi

# Draws and closures, ascents on a tape, pulls and pushes, adam, ranking: one thread, one server, embedded.
quietly "$plateau" data synth "$work/data" --users 1000 --items 800 --interactions 8000 --seed 1 --pack
cat >"$work/config.yaml" <<YAML
run: {seed: 7}
data: {path: data}
model: {name: lightgcn, dim: 32, layers: 2, fanout: [6, 4]}
strategy: {name: bsam+, rho: 0.1}
optimizer: {name: adam, lr: 0.01, beta1: 0.1} # rows move by the short series from the first steps on, not from the 89th
train: {epochs: 1, batch_size: 512, micro_batch: 256}
eval: {every: 1, final: none}
cluster: {threads: 1}
checkpoint: {every_s: 0}
YAML
export OPENBLAS_CORETYPE=Haswell OPENBLAS_NUM_THREADS=1 ONEDNN_MAX_CPU_ISA=AVX2
quietly valgrind --tool=callgrind "--callgrind-out-file=$work/profile" "$plateau" train "$work/config.yaml" \
  --set "run.dir=$work/run" --quiet
# With AVX-512, where this processor has it, the same bits come out.
quietly "$plateau" train "$work/config.yaml" --set "run.dir=$work/native" --quiet
for run in run native; do quietly "$plateau" export "$work/$run" --last -o "$work/$run.tables"; done
cmp -s "$work"/run.tables/user.npy "$work"/native.tables/user.npy ||
  complain "tables differ between valgrind's AVX2 and what this processor has"
# "function count", callees included; of the parts that a compiler made of a function the largest.
callgrind_annotate --inclusive=yes --threshold=100 "$work/profile" 2>/dev/null |
  sed -nE 's/^ *([0-9,]+) .*:(plt_[a-z0-9_]+)(\.[a-z0-9.]+)? \[.*/\2 \1/p' | tr -d ',' |
  awk '$2 > most[$1] { most[$1] = $2 } END { for (name in most) print name, most[name] }' | sort >"$work/counts.txt"
[[ -s $work/counts.txt ]] || fail "callgrind counted nothing"

hot=(plt_adam_apply plt_batch_make plt_closure_make plt_compute_gradients plt_pack_map plt_ranking_add
  plt_sampler_draw plt_shard_pack plt_shard_unpack plt_table_read_as plt_table_step_pieces
  plt_tape_backward)
if [[ ${1:-} == --write ]]; then
  {
    echo "# Instructions of hot paths: tests/e2e/instructions.sh, which writes this file with --write."
    echo "# compiler: $compiler"
    for name in "${hot[@]}"; do
      grep "^$name " "$work/counts.txt" || fail "$name does not occur: take it out of hot=()"
    done
  } >"$work/known.txt"
  cp "$work/known.txt" "$known"
  cat "$known"
  exit
fi
printf '%-24s %12s %12s %8s\n' function known now ratio
for name in "${hot[@]}"; do
  before=$(awk -v name="$name" '$1 == name { print $2 }' "$known")
  now=$(awk -v name="$name" '$1 == name { print $2 }' "$work/counts.txt")
  [[ -n $before ]] || { complain "$name: not in $known (--write)"; continue; }
  [[ -n $now ]] || { complain "$name: does not occur any more: renamed, inlined or not called (hot=(), --write)"; continue; }
  ratio=$(awk -v a="$now" -v b="$before" 'BEGIN { printf "%.3f", a / b }')
  printf '%-24s %12d %12d %8s\n' "$name" "$before" "$now" "$ratio"
  if ((10 * now > 11 * before)); then
    complain "$name: $now instructions instead of $before; if that is meant: tests/e2e/instructions.sh --write"
  elif ((10 * now < 9 * before)); then
    say "  less than known: tests/e2e/instructions.sh --write holds it there"
  fi
done
conclude
