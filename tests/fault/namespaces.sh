#!/usr/bin/env bash
# A job over three hosts: network namespaces with a name, a cable of 100 Mbit/s and a bridge between them, and a second
# network that leads nowhere. cluster.interface picks the network, peers of a host talk over ipc, a cable that is out
# for a moment changes no bit, nor do processes and a host that die; one that stays out ends the job with 75. Needs
# root, ip and tc; nothing outside the namespaces is touched.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/hosts.sh
source "$root/tests/hosts.sh"
hosts_up 3 100mbit
pull() { ip -n "$prefix-switch" link set dev "port${1#h}" down; }
plug() { ip -n "$prefix-switch" link set dev "port${1#h}" up; }

# ---- jobs: workers 0 and 1 on h1, worker 2 and server 1 on h2, server 0 on h3 ----

make_data "$work/data"
config=$work/config.yaml
write_config "$config" "$work/data" "$bsam_plus"

# start NAME [options]: a training into $work/NAME; its process is $job.
start() {
  local name=$1
  shift
  timeout -k 5 150 "$work/on" h1 mpirun --bind-to none --host h1:2,h2:2,h3:1 -n 5 "$plateau" train "$config" \
    --servers 2 --set "run.dir=$work/$name" --set cluster.interface="$net.0/24" --set checkpoint.every_epochs=20 "$@" \
    >"$work/$name.txt" 2>&1 </dev/null &
  job=$!
}
# Ends when the job has ended; its exit code in $code.
join() { code=0; wait "$job" || code=$?; }
join_well() { join; ((code == 0)) || { cat "$work/$1.txt" >&2; fail "$1: exit $code"; }; }
epochs_of() {
  local n
  n=$(grep -cs '"event": *"epoch"' "$work/$1/metrics.jsonl") || true
  echo "${n:-0}"
}
wait_for_epoch() {
  local i
  for ((i = 0; i < 600; i++)); do
    (($(epochs_of "$1") < $2)) || return 0
    sleep 0.05
  done
  cat "$work/$1.txt" >&2
  fail "$1: not $2 epochs within 30 s"
}
reference() { # EPOCHS: the hash of an embedded run
  [[ -d $work/embedded-$1 ]] || train_run "$work/embedded-$1" --set train.epochs="$1"
  tables_hash "$work/embedded-$1"
}
same() { [[ $(tables_hash "$work/$1") == "$(reference "$2")" ]] || complain "$1: other bits than the embedded run"; }

# ---- what is where ----

child() { pgrep -f "^plateau $2\$" | grep -xFf <(pids_of "$1") || true; } # HOST "server 0"
inodes_of() { find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null | tr -dc '0-9\n'; }
# tcp_of PID: "listen ADDRESS" and "to ADDRESS" of a process, each once.
tcp_of() {
  local what hex
  awk 'FNR == NR { ours[$1] = 1; next }
    ($10 in ours) && $4 == "0A" { print "listen", substr($2, 1, 8) }
    ($10 in ours) && $4 == "01" { print "to", substr($3, 1, 8) }' <(inodes_of "$1") "/proc/$1/net/tcp" |
    while read -r what hex; do # the bytes of an address stand in reverse
      echo "$what $((16#${hex:6:2})).$((16#${hex:4:2})).$((16#${hex:2:2})).$((16#${hex:0:2}))"
    done | sort -u
}
# unix_of PID: how many connections a server has accepted over ipc.
unix_of() {
  awk 'FNR == NR { ours[$1] = 1; next } ($7 in ours) && $6 == "03" && /\/server-[0-9]*$/ { n++ } END { print n + 0 }' \
    <(inodes_of "$1") "/proc/$1/net/unix"
}
expect() { [[ $2 == "$3" ]] || complain "$1: \"$2\", expected \"$3\""; }

say "which network, and ipc within a host"
start whole --set train.epochs=200
wait_for_epoch whole 3
server0=$(child h3 "server 0") server1=$(child h2 "server 1") worker0=$(child h1 "worker 0") worker2=$(child h2 "worker 2")
if [[ -z $server0 || -z $server1 || -z $worker0 || -z $worker2 ]]; then
  complain "processes are not where they should be: server 0 \"$server0\", server 1 \"$server1\", worker 0 \"$worker0\", worker 2 \"$worker2\""
else
  expect "server 0 on h3" "$(tcp_of "$server0" | paste -sd' ')" "listen $net.3 to $net.1 to $net.2"
  expect "server 1 on h2" "$(tcp_of "$server1" | paste -sd' ')" "listen $net.2 to $net.1"
  expect "worker 0 on h1" "$(tcp_of "$worker0" | paste -sd' ')" "to $net.2 to $net.3"
  expect "worker 2 on h2" "$(tcp_of "$worker2" | paste -sd' ')" "to $net.3"
  expect "server 0's connections over ipc" "$(unix_of "$server0")" 0
  expect "server 1's connections over ipc" "$(unix_of "$server1")" 1
fi
join_well whole
same whole 200

say "a cable that is out for 5 s"
start healed --set train.epochs=300 --set cluster.deadline_s=20
wait_for_epoch healed 30
pull h2
sleep 1
before=$(epochs_of healed)
sleep 4
((before == $(epochs_of healed) && before < 300)) || complain "training went on without h2, from epoch $before"
plug h2
join_well healed
! grep -q '"recovery"' "$work/healed/metrics.jsonl" || complain "a short silence led to a restart"
same healed 300

say "processes that die on any host, then all of a host"
died=(--set train.epochs=300 --set checkpoint.every_s=0.2 --set cluster.max_restarts=100)
start killed "${died[@]}"
wait_for_epoch killed 5
struck=0
for ((i = 0; i < 6; i++)); do
  victim=$(child "${hosts[i % 3]}" '(server|worker) [0-9]+' | shuf -n 1)
  [[ -z $victim ]] || { kill -9 "$victim" 2>/dev/null && struck=$((struck + 1)); }
  sleep "0.$((3 + RANDOM % 6))"
done
pids_of h3 | xargs kill -9
join
((struck >= 3 && code != 0)) || { complain "$struck processes were struck, exit $code"; cat "$work/killed.txt" >&2; }
(($(grep -c '"recovery"' "$work/killed/metrics.jsonl") >= 2)) || complain "fewer than two recoveries"
start killed "${died[@]}" --resume
join_well killed
same killed 300

say "a cable that stays out"
deadline=6 slack=20 # s; mpirun needs some 8 of them
start cut --set train.epochs=1000000 --set cluster.deadline_s=$deadline
wait_for_epoch cut 45
mapfile -t everybody < <(for host in "${hosts[@]}"; do pids_of "$host"; done)
begin=$SECONDS
pull h2
roles_left() { for host in "${hosts[@]}"; do child "$host" '(server|worker) [0-9]+'; done; }
while [[ -n $(roles_left) ]] && ((SECONDS - begin <= deadline + 3)); do sleep 0.1; done
left=$(roles_left | paste -sd' ')
[[ -z $left ]] || complain "processes are there $((SECONDS - begin)) s after the cable was pulled: $left"
join
took=$((SECONDS - begin))
say "exit $code after $took s"
((code == 75)) || { cat "$work/cut.txt" >&2; complain "exit $code, not 75"; }
((took <= deadline + slack)) || complain "the job took $took s to end, $((deadline + slack)) are allowed"
expect "the errors" "$(grep -a 'plateau: error:' "$work/cut.txt" | sed 's/rank [23] on/rank N on/')" \
  "plateau: error: rank N on h2 was not heard for $deadline s (cluster.deadline_s): its node seems lost; --resume goes on"
for ((i = 0; i < 100; i++)); do
  left=$(for host in "${hosts[@]}"; do pids_of "$host"; done)
  [[ -n $left ]] || break
  sleep 0.1
done
[[ -z $left ]] || complain "processes left: $(for pid in $left; do tr '\0' ' ' <"/proc/$pid/cmdline"; done)"
for host in "${hosts[@]}"; do
  left=$(ip netns exec "$prefix-$host" cat /proc/net/tcp | awk '$4 == "0A"')
  [[ -z $left ]] || complain "$host: still listening: $left"
done
for pid in "${everybody[@]}"; do
  left=$(compgen -G "/tmp/plateau-0-$pid-*" || true)
  [[ -z $left ]] || complain "sockets left: $left"
done

say "and goes on when it is back"
plug h2
wait_for_network
total=$(($(epochs_of cut) + 5))
start cut --set train.epochs=$total --resume
join_well cut
same cut $total
conclude
