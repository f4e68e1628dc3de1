#!/usr/bin/env bash
# plateau plan beside real runs on this machine: predicted and measured time and bytes of a step, and how far they are
# apart. A markdown table, and with --plot a picture by gnuplot.
#
#   tests/bench/plan.sh [--plot FILE.svg]
#
# bpr with adam, 64 dimensions, invented data, leaves of 512; roles are threads of one process, ranks of mpirun on one
# machine, and ranks on hosts with a cable of $RATE each (network namespaces, tests/hosts.sh; skipped without root). The
# time of a step is the difference of a long and a short run: start, data and births of rows cancel; so is the processor
# time of all its processes, which a busy machine lengthens little. Errors are planned over measured, less one: above
# zero, it was quicker than planned.
# Environment: PLATEAU (the binary), RATE (100mbit), RUNS (3: the quickest counts), STEPS (300), KINDS (threads ranks hosts).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/hosts.sh
source "$root/tests/hosts.sh"

usage() { sed -n 's/^#   //p' "${BASH_SOURCE[0]}" >&2; exit 64; }
picture=
case $# in
  0) ;;
  2) [[ $1 == --plot ]] && picture=$2 || usage ;;
  *) usage ;;
esac
rate=${RATE:-100mbit} runs=${RUNS:-3} steps=${STEPS:-300}
read -ra kinds <<<"${KINDS:-threads ranks hosts}"
result=$work/result.tsv config=$work/config.yaml
: >"$result"
quietly "$plateau" data synth "$work/data" --users 20000 --items 10000 --interactions 200000 --pool 512 --pack
cat >"$config" <<YAML
run: {seed: 1}
data: {path: $work/data}
model: {name: bpr, dim: 64}
optimizer: {name: adam, lr: 0.001}
train: {epochs: 1000000, batch_size: 4096, micro_batch: 512}
eval: {every: 0, final: none}
cluster: {threads: 1}
YAML

# run STEPS COMMAND...: seconds of the training's clock in $seconds, of processors in $processor; $bytes: of a step of the second epoch, if there is one
run() {
  local max=$1 TIMEFORMAT='%U %S'
  shift
  rm -rf "$work/run"
  { time "$@" --quiet --set "run.dir=$work/run" --set "train.max_steps=$max" >"$work/out.txt" 2>&1 </dev/null; } \
    2>"$work/time.txt" || { cat "$work/out.txt" >&2; fail "exit $?: $*"; }
  processor=$(awk '{ print $1 + $2 }' "$work/time.txt")
  seconds=$(grep '"final"' "$work/run/metrics.jsonl" | json_number seconds)
  bytes=$(grep '"event": *"epoch"' "$work/run/metrics.jsonl" | sed -n 2p | json_number push_bytes)
}
# measure STEPS COMMAND...: ms of a step, of processors, and kB that it pushes.
measure() {
  local long=$1 i
  shift
  : >"$work/turns.txt"
  for ((i = 0; i < runs; i++)); do
    run 40 "$@"
    echo "$seconds $processor" >>"$work/turns.txt"
    run $((40 + long)) "$@"
    echo "$seconds $processor" >>"$work/turns.txt"
  done
  measured_ms=$(least 1 "$long") measured_cpu=$(least 2 "$long")
  measured_kb=$(awk -v b="$bytes" -v n="$batches" 'BEGIN { print b / n / 1000 }') # 0: it was less than two epochs
}
# least COLUMN STEPS: the least difference of two lines, in ms a step.
least() {
  awk -v c="$1" -v n="$2" 'NR % 2 { short = $c; next } { ms = 1000 * ($c - short) / n; if (!least || ms < least) least = ms }
    END { print least }' "$work/turns.txt"
}
# predict WORKERS SERVERS OPTIONS...: the same, planned. Batches of an epoch in $batches.
predict() {
  local workers=$1 servers=$2
  shift 2
  "$plateau" plan "$config" --workers "$workers" --servers "$servers" --format json "$@" >"$work/plan.json" 2>/dev/null ||
    fail "plan $*"
  predicted_ms=$(grep -o '"splits": *\[{[^}]*}' "$work/plan.json" | json_number step_s | awk '{ print 1000 * $1 }')
  predicted_cpu=$(grep -o '"splits": *\[{[^}]*}' "$work/plan.json" | json_number processor_s | awk '{ print 1000 * $1 }')
  predicted_kb=$(grep -o '"splits": *\[{[^}]*}' "$work/plan.json" | json_number push_bytes | awk '{ print $1 / 1000 }')
  limit=$(grep -o '"splits": *\[{[^}]*}' "$work/plan.json" | sed 's/.*"limit": *"\([^"]*\)".*/\1/')
  batches=$(json_number batches <"$work/plan.json")
}
row() { # WHERE W S
  printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$predicted_ms" "$measured_ms" "$predicted_cpu" \
    "$measured_cpu" "$predicted_kb" "$measured_kb" "$limit" | tee -a "$result" |
    awk -F'\t' '{ printf "| %s | %d | %d | %.1f | %.1f | %+.0f %% | %.1f | %s | %s | %s |\n",
      $1, $2, $3, $4, $5, 100 * ($4 / $5 - 1), $6, ($7 > 0 ? sprintf("%.1f | %+.0f %%", $7, 100 * ($6 / $7 - 1)) : "- | -"),
      ($9 > 0 ? sprintf("%.0f | %+.1f %%", $9, 100 * ($8 / $9 - 1)) : "- | -"), $10 }'
}

by_threads() { # W S
  predict "$1" "$2" --transport inproc --calibration "$work/inproc"
  measure "$steps" "$plateau" train "$config" --workers "$1" --servers "$2"
  row "threads" "$1" "$2"
}
by_ranks() {
  predict "$1" "$2" --transport ipc --calibration "$work/ipc"
  measure "$steps" mpirun --bind-to none --oversubscribe -n $(($1 + $2)) "$plateau" train "$config" --servers "$2"
  row "ranks" "$1" "$2"
}
# On as many hosts as ranks: they share the cores of this machine, which plan is told.
by_hosts() {
  local list cores
  cores=$(nproc)
  predict "$1" "$2" --transport tcp --nodes $(($1 + $2)) --bandwidth "$(gbit "$rate")" --cores "$cores" --calibration "$work/tcp"
  list=$(printf '%s:1,' "${hosts[@]:0:$1+$2}")
  measure $((steps / 10)) "$work/on" h1 mpirun --leave-session-attached --bind-to none --host "${list%,}" -n $(($1 + $2)) \
    "$plateau" train "$config" --servers "$2" --set cluster.interface="$net.0/24"
  measured_cpu=0 # lost among what mpirun takes over so few steps
  row "hosts, $rate" "$1" "$2"
}
gbit() { awk -v r="${1%mbit}" 'BEGIN { print r / 1000 }'; }

echo "| where | W | S | step, ms: planned | measured | error | processors, ms: planned | measured | error | kB pushed | error | longest |"
echo "|---|---|---|---|---|---|---|---|---|---|---|---|"
for kind in "${kinds[@]}"; do
  case $kind in
    threads) for split in "1 1" "2 1" "2 2" "4 2"; do by_threads "${split% *}" "${split#* }"; done ;;
    ranks) need_mpirun; for split in "1 1" "2 1" "2 2" "4 2"; do by_ranks "${split% *}" "${split#* }"; done ;;
    hosts)
      hosts_up 4 "$rate"
      wait_for_network
      for split in "1 1" "2 1" "1 2" "2 2"; do by_hosts "${split% *}" "${split#* }"; done
      ;;
    *) usage ;;
  esac
done

if [[ -n $picture ]]; then
  command -v gnuplot >/dev/null || fail "--plot needs gnuplot"
  gnuplot <<TEXT
set terminal svg size 520,420 font "sans-serif,12" background "white"
set output "$picture"
set datafile separator "\t"
set logscale xy
set xlabel "measured, ms a step"
set ylabel "planned, ms a step"
set key top left
set border 3
set tics nomirror
plot x with lines dt 2 lc rgb "#888888" title "right", \
  "$result" using (strcol(1) eq "threads" ? \$5 : NaN):4 with points pt 7 lc rgb "#0b6e99" title "threads", \
  "$result" using (strcol(1) eq "ranks" ? \$5 : NaN):4 with points pt 5 lc rgb "#b5532a" title "ranks", \
  "$result" using (strcol(1)[1:5] eq "hosts" ? \$5 : NaN):4 with points pt 9 lc rgb "#3a7d44" title "hosts"
TEXT
fi
