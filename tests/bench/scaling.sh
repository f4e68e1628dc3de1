#!/usr/bin/env bash
# What a sample costs as tables, workers and servers grow, beside what `plateau plan` says of it beforehand; a table, and with
# --plot a picture by gnuplot.
#
#   tests/bench/scaling.sh size   [--plot FILE.svg]   tables 1, 10, 100 times as large, one process
#   tests/bench/scaling.sh weak   [--plot FILE.svg]   1 to 8 workers and as many servers, each on a host of its own
#   tests/bench/scaling.sh strong [--plot FILE.svg]   the same hosts, a batch that does not grow with them
#
# bpr with adam, 64 dimensions, invented data. What a configuration costs is the difference of a long and a short run:
# start, data, births of the first rows and checkpoints cancel. Processor seconds are those of all its processes and of
# mpirun. Hosts are network namespaces with a cable of $RATE each (tests/hosts.sh): what is seen is the network's share,
# as far as the cores of this machine carry all hosts. plan measures a worker and a server here, without cables; of hosts
# that share this machine's cores it does not know: its step is taken to last no less than its processor time over these.
# Over hosts with a slow cable the processor seconds of so few steps are little beside what mpirun takes to start: where the
# difference is none, there is a dash.
# Environment: PLATEAU (the binary), RATE (50mbit), COUNTS ("1 2 4 8"), SIZES ("1 10 100"), RUNS (3: the median counts).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/hosts.sh
source "$root/tests/hosts.sh"

usage() { sed -n 's/^#   //p' "${BASH_SOURCE[0]}" >&2; exit 64; }
kind=${1:-} picture=
case $# in
  1) ;;
  3) [[ $2 == --plot ]] && picture=$3 || usage ;;
  *) usage ;;
esac
rate=${RATE:-50mbit} runs=${RUNS:-3}
read -ra counts <<<"${COUNTS:-1 2 4 8}"
read -ra sizes <<<"${SIZES:-1 10 100}"
result=$work/result.tsv

# make_set DIR TIMES: tables of 15,000 rows, and 100,000 pairs, so many times.
make_set() {
  quietly "$plateau" data synth "$1" --users $((10000 * $2)) --items $((5000 * $2)) --interactions $((100000 * $2)) \
    --pool 512 --pack
}
write_config() { # DATA
  cat >"$work/config.yaml" <<YAML
run: {seed: 1}
data: {path: $1}
model: {name: bpr, dim: 64}
optimizer: {name: adam, lr: 0.001}
train: {epochs: 1000000, batch_size: 2048}
eval: {every: 0, final: none}
YAML
}

# run COMMAND...: seconds of the training's clock and of processors, in $wall and $cpu.
run() {
  local TIMEFORMAT='%U %S'
  rm -rf "$work/run"
  { time "$@" --quiet --set "run.dir=$work/run" >"$work/out.txt" 2>&1 </dev/null; } 2>"$work/time.txt" ||
    { cat "$work/out.txt" >&2; fail "exit $?: $*"; }
  wall=$(grep '"final"' "$work/run/metrics.jsonl" | json_number seconds)
  cpu=$(awk '{ print $1 + $2 }' "$work/time.txt")
}
# measure SHORT LONG BATCH COMMAND...: "samples/s, processor s per million samples", medians over the runs.
measure() {
  local short=$1 long=$2 batch=$3 i wall0 cpu0
  shift 3
  : >"$work/turns.txt"
  for ((i = 0; i < runs; i++)); do
    run "$@" --set "train.max_steps=$short"
    wall0=$wall cpu0=$cpu
    run "$@" --set "train.max_steps=$long"
    awk -v n=$(((long - short) * batch)) -v wall="$wall" -v wall0="$wall0" -v cpu="$cpu" -v cpu0="$cpu0" \
      'BEGIN { print n / (wall - wall0), 1e6 * (cpu - cpu0) / n }' >>"$work/turns.txt"
  done
  paste -d' ' <(median 1) <(median 2)
}
median() { cut -d' ' -f"$1" "$work/turns.txt" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# predict BATCH OPTIONS...: the same, planned.
predict() {
  local batch=$1 split
  shift
  "$plateau" plan "$work/config.yaml" --format json --set "train.batch_size=$batch" "$@" >"$work/plan.json" 2>"$work/out.txt" ||
    { cat "$work/out.txt" >&2; fail "plan $*"; }
  split=$(grep -o '"splits": *\[{[^}]*}' "$work/plan.json")
  awk -v n="$batch" -v step="$(json_number step_s <<<"$split")" -v cpu="$(json_number processor_s <<<"$split")" -v cores="$(nproc)" \
    'BEGIN { if (cpu / cores > step) step = cpu / cores; print n / step, 1e6 * cpu / n }'
}

row() {
  awk -v OFS='\t' -v x="$1" -v speed="$2" -v cpu="$3" -v fast="$4" -v planned="$5" \
    'BEGIN { print x, sprintf("%.0f", speed), sprintf("%.0f", fast), (cpu > 0 ? sprintf("%.2f", cpu) : "-"), sprintf("%.2f", planned) }' |
    tee -a "$result"
}
head_line() { printf '%s\tsamples/s\tplanned\tprocessor s per million samples\tplanned\n' "$1" | tee "$result"; }

by_size() {
  local times steps cost planned
  head_line "rows"
  for times in "${sizes[@]}"; do
    make_set "$work/data" "$times"
    write_config "$work/data"
    steps=$((100000 * times / 2048 + 1)) # more than the training part of an epoch: all rows are born
    cost=$(measure "$steps" $((steps + 3000)) 2048 "$plateau" train "$work/config.yaml")
    planned=$(predict 2048 --workers 1 --servers 1 --transport inproc)
    # shellcheck disable=SC2086 # two figures each
    row $((15000 * times)) $cost $planned
    rm -rf "$work/data"
  done
}
by_count() { # BATCH-OF-COUNT: a function
  local n batch list cost planned
  hosts_up $((2 * counts[-1])) "$rate"
  wait_for_network
  make_set "$work/data" 10
  write_config "$work/data"
  head_line "workers"
  for n in "${counts[@]}"; do
    batch=$("$1" "$n")
    list=$(printf '%s:1,' "${hosts[@]:0:2*n}")
    cost=$(measure 10 40 "$batch" "$work/on" h1 mpirun --leave-session-attached --bind-to none --host "${list%,}" \
      -n $((2 * n)) "$plateau" train "$work/config.yaml" --servers "$n" --set cluster.interface="$net.0/24" \
      --set cluster.threads=1 --set "train.batch_size=$batch" --set train.micro_batch=1024)
    planned=$(predict "$batch" --workers "$n" --servers "$n" --nodes $((2 * n)) --bandwidth "$(gbit "$rate")" --transport tcp \
      --set cluster.threads=1 --set train.micro_batch=1024)
    # shellcheck disable=SC2086 # two figures each
    row "$n" $cost $planned
  done
}
gbit() { awk -v r="${1%mbit}" 'BEGIN { print r / 1000 }'; }
growing() { echo $((2048 * $1)); }
fixed() { echo 8192; }

plot() { # TITLE X-LABEL BASE AXES PLOT-OF-THROUGHPUT
  command -v gnuplot >/dev/null || fail "--plot needs gnuplot"
  gnuplot <<TEXT
set terminal svg size 860,340 font "sans-serif,12" background "white"
set output "$picture"
set datafile separator "\t"
set datafile missing "-"
set logscale x $3
set xlabel "$2"
set xrange [$(awk -F'\t' 'NR == 2 { print $1 * 0.8 } END { print ":" $1 * 1.25 }' "$result" | paste -sd '')]
set yrange [0:*]
set grid ytics lc rgb "#dddddd"
set border 3
set tics nomirror
set key bottom right
set multiplot layout 1,2 title "$1"
set ylabel "thousand samples a second"
$4
plot "$result" every ::1 using 1:(\$2/1000):xtic(1) with linespoints pt 7 lc rgb "#0b6e99" title "measured", \
  "$result" every ::1 using 1:(\$3/1000) with linespoints pt 6 dt 3 lc rgb "#0b6e99" title "planned"$5
unset logscale y
set yrange [0:*]
set ylabel "processor seconds per million samples"
plot "$result" every ::1 using 1:4:xtic(1) with linespoints pt 7 lc rgb "#b5532a" title "measured", \
  "$result" every ::1 using 1:5 with linespoints pt 6 dt 3 lc rgb "#b5532a" title "planned"
TEXT
}

case $kind in
  size)
    by_size
    [[ -z $picture ]] || plot "Tables that grow" "rows of 64 floats" 10 "" ""
    ;;
  weak | strong)
    [[ $kind == weak ]] && by_count growing || by_count fixed
    first=$(awk -F'\t' 'NR == 2 { print $2 / $1 / 1000 }' "$result")
    [[ -z $picture ]] || plot "Hosts that grow, cables of $rate ($kind scaling)" "workers, and as many servers" 2 "set logscale y 2; set yrange [*:*]" \
      ", $first*x with lines dt 2 lc rgb '#888888' title 'in proportion'"
    ;;
  *) usage ;;
esac
