#!/usr/bin/env bash
# proxy.sh alone|together [--faults N] [--seed S]: training through a fault proxy ends with the bits of an undisturbed run,
# whatever happens to the messages: each kind of fault alone, or all at once. With --faults, all at once again and again
# on other clusters until N faults were injected.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

what=${1:-} wanted=0 seed=${PLATEAU_TEST_SEED:-1}
[[ $what == alone || $what == together ]] || fail "usage: proxy.sh alone|together [--faults N] [--seed S]"
shift
while (($#)); do
  case $1 in
    --faults) wanted=$2; shift ;;
    --seed) seed=$2; shift ;;
    *) fail "usage: proxy.sh alone|together [--faults N] [--seed S]" ;;
  esac
  shift
done
data=$work/data config=$work/config.yaml
make_data "$data"
write_config "$config" "$data" "$bsam_plus"

proxy=
stop_proxy() {
  [[ -n $proxy ]] || return 0
  kill -TERM "$proxy" 2>/dev/null || true
  wait "$proxy" || complain "the proxy: exit $?"
  proxy=
}
at_end+=(stop_proxy)
# start_proxy SCRIPT-LINES: a proxy with this script; $address is where it listens.
start_proxy() {
  local i
  rm -f "$work/port"
  printf '%s\n' "$1" >"$work/script.yaml"
  "$plateau" fault-proxy "$work/script.yaml" --seed "$seed" --port-file "$work/port" --report "$work/report.json" \
    >"$work/tally.json" 2>"$work/proxy.txt" </dev/null &
  proxy=$!
  for ((i = 0; i < 200; i++)); do
    [[ ! -s $work/port ]] || break
    sleep 0.05
  done
  [[ -s $work/port ]] || fail "the proxy does not listen: $(cat "$work/proxy.txt")"
  address=127.0.0.1:$(cat "$work/port")
}

# injected KIND: how often, in both directions, by the tally of the proxy that has ended.
injected() { sed -n "s/.*\"$1\": {\"to_server\": \([0-9]*\), \"to_worker\": \([0-9]*\)}.*/\1 \2/p" "$work/tally.json" | awk '{ print $1 + $2 }'; }
kinds=(duplicate reorder corrupt delay stall drop cut)
declare -A sum=()
for kind in "${kinds[@]}" messages; do sum[$kind]=0; done
total=0 runs=0

# through NAME SCRIPT-LINES KINDS [options]: trains through a proxy; the tables and losses are the reference's, and each
# of these kinds of faults happened.
through() {
  local name=$1 script=$2 happened=$3 kind begin hash
  shift 3
  begin=$(date +%s%N)
  start_proxy "$script"
  train_run "$work/run" --set "cluster.proxy=$address" --set cluster.deadline_s=60 "$@"
  stop_proxy
  hash=$(tables_hash "$work/run")
  [[ $hash == "$reference" ]] || complain "$name: tables $hash, expected $reference (seed $seed)"
  losses_of "$work/run" | cmp -s - "$work/losses.txt" || complain "$name: losses differ (seed $seed)"
  for kind in $happened; do
    (($(injected "$kind") > 0)) || complain "$name: no $kind happened: $(cat "$work/tally.json")"
  done
  for kind in "${kinds[@]}" messages; do sum[$kind]=$((sum[$kind] + $(injected "$kind"))); done
  total=$((total + $(json_number total <"$work/tally.json")))
  runs=$((runs + 1))
  say "$name: $(json_number total <"$work/tally.json") faults in $(injected messages) messages, $((($(date +%s%N) - begin) / 1000000)) ms"
  rm -rf "$work/run"
}

# Every kind at once, most of them so that several meet in one exchange.
storm='duplicate: 0.25
duplicate_ms: [0, 300]
reorder: 0.1
corrupt: 0.08
delay: 0.15
delay_ms: [1, 15]
drop: 0.008
cut: 0.003
stall: 0.0005
stall_s: 0.5
bytes_per_s: 20000000'

# The end of training by server 0's log: its clock, and how far rows went out ahead.
end_clock() { sed -n 's/.*server 0 ends at clock \([0-9]*\):.*/\1/p' "$1/logs/server-0.txt" | head -n 1; }
lead() { sed -n 's/.*rows went out at most \([0-9]*\) clocks ahead.*/\1/p' "$1/logs/server-0.txt" | head -n 1; }
# ssp with several STEPs under way: repetitions have no bits to compare, but every push counts once, and the bound holds.
through_ssp() {
  local options=(--servers 2 --workers 3 --set cluster.consistency=ssp --set cluster.staleness=2 --set cluster.prefetch=2
    --set train.epochs=6 --set cluster.transport=tcp) want
  train_run "$work/run" "${options[@]}"
  want=$(end_clock "$work/run")
  rm -rf "$work/run"
  start_proxy "$storm"
  train_run "$work/run" --set "cluster.proxy=$address" --set cluster.deadline_s=60 "${options[@]}"
  stop_proxy
  say "all at once, ssp: $(json_number total <"$work/tally.json") faults in $(injected messages) messages, clock $(end_clock "$work/run")"
  [[ -n $want && $(end_clock "$work/run") == "$want" ]] || complain "ssp: ended at clock $(end_clock "$work/run"), not $want"
  (($(lead "$work/run") <= 2)) || complain "ssp: rows went out $(lead "$work/run") clocks ahead"
  (($(injected duplicate) > 0)) || complain "ssp: nothing happened"
  rm -rf "$work/run"
}

reference_run() {
  rm -rf "$work/reference"
  train_run "$work/reference"
  reference=$(tables_hash "$work/reference")
  losses_of "$work/reference" >"$work/losses.txt"
  rm -rf "$work/reference"
}

cluster=(--servers 2 --workers 2)
if [[ $what == alone ]]; then
  reference_run
  through "nothing" 'drop: 0' "" "${cluster[@]}"
  through "drop" 'drop: 0.03' drop "${cluster[@]}"
  through "duplicate, much later" $'duplicate: 0.4\nduplicate_ms: [0, 1500]' duplicate "${cluster[@]}"
  through "reorder" $'duplicate: 0.2\nreorder: 0.3\nreorder_ms: 30' reorder "${cluster[@]}"
  through "corrupt" 'corrupt: 0.15' corrupt "${cluster[@]}"
  through "delay" $'delay: 0.3\ndelay_ms: [1, 250]\nto_worker:\n  delay: 0' delay "${cluster[@]}"
  through "cut" 'cut: 0.02' cut "${cluster[@]}"
  through "stall" $'stall: 0.01\nstall_s: 0.7' stall "${cluster[@]}"
  through "throttle" 'bytes_per_s: 300000' "" "${cluster[@]}"
  through "partition" $'partition:\n  every_s: 0.6\n  seconds: 0.4\nbytes_per_s: 400000' "" "${cluster[@]}"
  (($(json_number partitions <"$work/tally.json") > 0)) || complain "no partition happened"
elif ((wanted == 0)); then
  reference_run
  through "all at once" "$storm" "duplicate corrupt delay" "${cluster[@]}"
  through "all at once, asp" "$storm" "duplicate corrupt delay" --servers 3 --set cluster.consistency=asp
  through_ssp
  through "all at once, curve" $'drop: 0.001\nduplicate: 0.003\ncorrupt: 0.003\ndelay: 0.01\ncut: 0.001' "" "${cluster[@]}" --set cluster.security=curve
  # Evaluation of a graph model reads, assigns and drops temporary tables in between.
  as_lightgcn "$config"
  sed -i 's/^  every: 0/  every: 1/' "$config"
  reference_run
  through "all at once, graph model" "$storm" "duplicate corrupt delay" "${cluster[@]}"
  [[ $(json_number total <"$work/report.json") == $(json_number total <"$work/tally.json") ]] ||
    complain "--report and the last line differ"
else
  sed -i 's/epochs: 3/epochs: 40/' "$config"
  reference_run
  clusters=("2 2 token" "1 2 none" "3 1 token" "2 3 token" "1 1 none" "3 2 token")
  while ((total < wanted)); do
    read -r servers workers security <<<"${clusters[runs % ${#clusters[@]}]}"
    evaluated=$((runs % 3 == 0 ? 5 : 0))
    through "run $runs: $servers servers, $workers workers, $security, seed $seed" "$storm" "duplicate corrupt delay" \
      --servers "$servers" --workers "$workers" --set "cluster.security=$security" --set "eval.every=$evaluated"
    seed=$((seed + 1))
  done
fi
say "$runs runs, ${sum[messages]} messages, $total faults:"
for kind in "${kinds[@]}"; do printf '  %-10s %8d\n' "$kind" "${sum[$kind]}"; done
conclude
