# lib.sh - what the shell tests share. Sourced after `set -euo pipefail`.
#   $plateau   the binary under test      (environment: PLATEAU; default: the release build)
#   $tools     the comparing programs     (environment: PLATEAU_TOOLS)
#   $work      a directory of this test, removed at its end
# shellcheck shell=bash disable=SC2034,SC2154
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
plateau=${PLATEAU:-$root/build/release/plateau}
tools=${PLATEAU_TOOLS:-$root/build/release/tests}
work=$(mktemp -d "${TMPDIR:-/tmp}/plateau-test.XXXXXX")
complaints=$work/.complaints
export LC_ALL=C

# Commands to run at the end, last first, before $work goes.
at_end=()
finish() {
  local code=$? i
  for ((i = ${#at_end[@]} - 1; i >= 0; i--)); do ${at_end[i]} || true; done
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

say() { printf '%s\n' "$*"; }
# To stderr: functions whose output is captured fail too.
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
# Notes a failure and goes on; conclude() ends the test.
# A file keeps count: complaints of subshells, of a pipeline say, count too.
complain() {
  printf 'FAILED: %s\n' "$*" >&2
  echo complaint >>"$complaints"
}
has_complaints() { [[ -s $complaints ]]; }
conclude() {
  ! has_complaints || fail "$(wc -l <"$complaints") checks"
  say "all well"
}
# Runs a command; its output is shown only if it fails.
quietly() {
  "$@" >"$work/quietly.txt" 2>&1 </dev/null || { local code=$?; cat "$work/quietly.txt" >&2; fail "exit $code: $*"; }
}

# make_data DIR: 300 users, 200 items, 4000 interactions, features of 16 (text) and 8 (image) columns.
make_data() {
  quietly "$plateau" data synth "$1" --users 300 --items 200 --interactions 4000 --modalities text:16,image:8 --seed 1
}
# write_config FILE DATA STRATEGY-LINES: VBPR with Adam, 3 epochs, batches of 512 in leaves of 128, no evaluation.
write_config() {
  cat >"$1" <<YAML
run:
  seed: 7
data:
  path: $2
  features: [text_feat.npy, image_feat.npy]
model:
  name: vbpr
  dim: 8
  reg: 0.001
strategy:
$3
optimizer:
  name: adam
  lr: 0.01
train:
  epochs: 3
  batch_size: 512
  micro_batch: 128
  log_every: 1
eval:
  every: 0
  topk: [5, 20]
checkpoint:
  keep: 4
YAML
}
bsam_plus='  name: bsam+
  rho: 0.1
  lambda: 0.5'
mirror_sequential='  name: mirror
  mode: sequential'

# as_lightgcn FILE: turns that configuration into LightGCN by fan-out: draws, subgraphs, inference.
as_lightgcn() {
  sed -i -e 's/^  name: vbpr/  name: lightgcn\n  layers: 2\n  fanout: [6, 4]/' "$1"
}

# train_run RUN [options]: trains $config into RUN.
train_run() {
  local run=$1
  shift
  quietly "$plateau" train "$config" --set "run.dir=$run" "$@"
}
# One hash over all tables of a run's last checkpoint.
tables_hash() {
  rm -rf "$work/tables"
  quietly "$plateau" export "$1" --last -o "$work/tables"
  (cd "$work/tables" && sha256sum -- *.npy) | sha256sum | cut -c 1-16
}
# kernels_of RUN: the kernel set of products that its worker 0 last ran.
kernels_of() { sed -n 's/.*products by .* for \([^,]*\),.*/\1/p' "$1/logs/worker-0.txt" | tail -n 1; }
# lesser_kernels: sets lesser_variable and lesser_set to what has products run older kernels than the processor's best;
# false where there are none.
lesser_kernels() {
  local products
  products=$("$plateau" --version | grep '^products')
  case $products in
    *oneDNN*) lesser_variable=ONEDNN_MAX_CPU_ISA lesser_set=AVX ;;
    *) lesser_variable=OPENBLAS_CORETYPE lesser_set=Prescott ;;
  esac
  # shellcheck disable=SC2034 # read by who calls
  ! grep -qE "for ($lesser_set|SSE41|any processor)(;|$)" <<<"$products" && [[ $(uname -m) == x86_64 ]]
}
# refuses CODE PATTERN COMMAND...: exit code, and one line of error that matches.
refuses() {
  local want=$1 pattern=$2 code=0
  shift 2
  "$@" >"$work/stdout.txt" 2>"$work/stderr.txt" </dev/null || code=$?
  ((code == want)) || complain "exit $code instead of $want: $*"
  [[ $(wc -l <"$work/stderr.txt") == 1 ]] || { complain "not one line of error: $*"; head -n 5 "$work/stderr.txt"; }
  grep -qE -- "^plateau: error: .*($pattern)" "$work/stderr.txt" || { complain "no \"$pattern\": $*"; cat "$work/stderr.txt"; }
}
# json_number KEY: filters lines of JSON to the value of a top-level number.
json_number() { sed -n "s/.*\"$1\": *\([-+0-9.eE]*\).*/\1/p"; }
# "epoch step loss" of each step of a run, the last of each; the losses in full precision.
losses_of() {
  grep '"event": *"step"' "$1/metrics.jsonl" |
    sed 's/.*"epoch": *\([0-9]*\).*"step": *\([0-9]*\).*"loss": *\([^,} ]*\).*/\1 \2 \3/' |
    awk '{ last[$1 " " $2] = $3 } END { for (place in last) print place, last[place] }' | sort -k1,1n -k2,2n
}
# listening_ports PID: the tcp ports that a process listens at.
listening_ports() {
  local inodes
  inodes=$(find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null | tr -dc '0-9\n')
  awk -v inodes="$inodes" 'BEGIN { n = split(inodes, list, "\n"); for (i = 1; i <= n; i++) ours[list[i]] = 1 }
    $4 == "0A" && ($10 in ours) { split($2, place, ":"); print place[2] }' "/proc/$1/net/tcp" | sort -u |
    while read -r hex; do echo $((16#$hex)); done
}

# secrets_in FILES: what looks like one: a token is 64 hexadecimal digits, a curve key 40 characters of Z85.
secrets_in() {
  grep -aoE '[0-9a-f]{64,}' -- "$@" || true
  grep -aoE "[]0-9a-zA-Z.:+=^!/*?&<>(){}@%\$#[-]{40,}" -- "$@" | sed 's/^[^:]*://' | grep -vE '^/|=/|/[a-z]*/' | awk 'length == 40' || true
}
expect_no_secrets() { # NAME FILES
  local name=$1 found
  shift
  printf 'key %064d\n' 0 >"$work/example.txt"
  [[ -n $(secrets_in "$work/example.txt") ]] || fail "secrets_in does not find a token"
  found=$(secrets_in "$@")
  [[ -z $found ]] || complain "$name: looks like a secret: $found"
}

# ---- jobs under mpirun ----
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
# kill_at_random STARTS MS RUN COMMAND...: starts the command, which trains in RUN and takes MS whole, up to STARTS times,
# and kills it with SIGKILL at a random moment each time, until one gets to its end; two at least must be struck.
kill_at_random() {
  local starts=$1 took=$2 run=$3 died=0 i ms job code
  shift 3
  for ((i = 1; i <= starts; i++)); do
    ms=$((20 + RANDOM % (took / 3 + 1)))
    "$@" --set "run.dir=$run" >"$work/out.txt" 2>&1 </dev/null &
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
}
# page_script PAGE MISSING: what a page of docs has its readers do, as one script: blocks ```sh, and files, blocks whose first
# line is "# NAME" behind ```yaml or ```python. Words behind ```sh are what a block needs; without it (MISSING: words) it is
# left out. What fails is named by the page's line; so is a command in a block that nobody runs.
page_script() {
  printf 'set -euo pipefail\ntrap '"'"'[[ $? == 0 ]] || echo "%s:$page_line" >&2'"'"' EXIT\n' "$1"
  awk -v missing="$2" '
    BEGIN { n = split(missing, words, " "); for (i = 1; i <= n; i++) lacks[words[i]] }
    /^```$/ { if (kind == "file") print "PAGE_FILE"; if (kind == "") kind = "shown"; else kind = ""; next }
    /^```sh( |$)/ { kind = "sh"; print "page_line=" NR; for (i = 2; i <= NF; i++) if ($i in lacks) kind = "left out"; next }
    /^```(yaml|python)$/ { kind = "begin"; next }
    /^```[a-z]/ || kind == "shown" && /^([$] )?plateau [a-z]/ { print "page_line=" NR "; echo a block that is not run; false" }
    kind == "begin" { if ($0 ~ /^# [a-z0-9._-]+$/) { kind = "file"; print "cat >" $2 " <<\"PAGE_FILE\"" } else kind = "shown" }
    kind == "sh" || kind == "file" { print }
    END { if (kind != "") { print "echo a block is not closed; false" } }' "$root/$1"
}
# Debian's python3, whatever others stand in PATH. need_python MODULE: the test is skipped without it.
python=/usr/bin/python3
need_python() { "$python" -c "import $1" 2>/dev/null || { say "skipped: there is no $python with $1"; exit 77; }; }

need_mpirun() { command -v mpirun >/dev/null || { say "skipped: there is no mpirun"; exit 77; }; }
# ranks N ARGUMENTS: plateau on N ranks, 2 minutes at most.
# Open MPI leaks what it has at its end: no search for leaks.
ranks() {
  local n=$1
  shift
  ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 timeout 120 mpirun --bind-to none -n "$n" "$plateau" "$@"
}
# children RUN [server|worker]: processes of the job that runs in directory RUN, by their open logs.
children() {
  local process
  for process in $(pgrep -f "^plateau (${2:-server|worker}) [0-9]+" || true); do
    [[ -z $(find /proc/"$process"/fd -lname "$1/logs/*" 2>/dev/null) ]] || echo "$process"
  done
}
# wait_for_step RUN: until the job that runs there has made a step.
wait_for_step() {
  local i
  for ((i = 0; i < 600; i++)); do
    ! grep -qs '"step"' "$1/metrics.jsonl" || return 0
    sleep 0.05
  done
  complain "$1: no step within 30 s"
}
# supervisors RUN: the ranks of the job that was started with run.dir=RUN.
supervisors() {
  local process
  for process in $(pgrep -f "train .*run.dir=$1( |\$)" || true); do
    [[ $(cat /proc/"$process"/comm 2>/dev/null) != plateau ]] || echo "$process"
  done
}
