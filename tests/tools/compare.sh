#!/usr/bin/env bash
# The comparing tools accept what is equal and refuse what is not: a test that cannot fail tests nothing.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
cd "$work"

npy() { # FILE ROWS COLS VALUE-BYTES: float32 zeros, then the last value
  printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': ($2, $3), }" >"$1"
  head -c $((($2 * $3 - 1) * 4)) /dev/zero >>"$1"
  printf '%b' "$4" >>"$1"
}
one='\x00\x00\x80\x3f' near='\x01\x00\x80\x3f' far='\x00\x01\x80\x3f' nan='\x00\x00\xc0\x7f'
mkdir expect same close beyond shape nan absent
npy expect/user.npy 5 3 "$one"
npy same/user.npy 5 3 "$one"
npy same/other.npy 1 1 "$one"
npy close/user.npy 5 3 "$near"
npy beyond/user.npy 5 3 "$far"
npy shape/user.npy 3 5 "$one"
npy nan/user.npy 5 3 "$nan"

cat >metrics.jsonl <<'JSON'
{"event": "step", "epoch": 0, "step": 0, "loss": 0.5}
{"event": "step", "epoch": 0, "step": 1, "loss": 9.0}
{"event": "epoch", "epoch": 0, "loss": 0.4, "seconds": 0.1}
{"event": "step", "epoch": 1, "step": 0, "loss": 0.125}
{"event": "eval", "epoch": 0, "split": "valid", "users": 30, "recall@5": 0.5}
{"event": "eval", "epoch": 1, "split": "valid", "users": 30, "recall@5": 0.25}
{"event": "eval", "epoch": 1, "split": "test", "users": 27, "recall@5": 0.75}
{"event": "step", "epoch": 0, "step": 1, "loss": 0.25}
JSON
printf '{"loss": [0.5, 0.25, 0.1250001], "args": {"lr": 0.1}}\n' >loss.json
printf '{"loss": [0.5, 0.25]}\n' >short.json
printf '{"loss": [0.5, 0.26, 0.125]}\n' >other.json
printf '{\n "valid": {\n  "recall@5": 0.25,\n  "users": 30\n },\n "test": {\n  "recall@5": 0.75,\n  "users": 27\n }\n}\n' >expect.json
printf '{"valid": {"recall@5": 0.5}}\n' >stale.json
printf '{"valid": {"recall@50": 0.5}}\n' >missing.json

accepts() { "$@" >out.txt 2>&1 || { complain "refused: ${*:2}"; cat out.txt; }; }
refuses() { ! "$@" >out.txt 2>&1 || { complain "accepted: ${*:2}"; cat out.txt; }; }

accepts "$tools/npy_compare" same expect
accepts "$tools/npy_compare" close expect
refuses "$tools/npy_compare" close expect --tolerance 1e-8
for dir in beyond shape nan absent; do refuses "$tools/npy_compare" $dir expect; done
refuses "$tools/npy_compare" same absent
accepts "$tools/loss_compare" metrics.jsonl loss.json
refuses "$tools/loss_compare" metrics.jsonl loss.json --tolerance 1e-9
refuses "$tools/loss_compare" metrics.jsonl short.json
refuses "$tools/loss_compare" metrics.jsonl other.json
accepts "$tools/metrics_compare" metrics.jsonl expect.json
refuses "$tools/metrics_compare" metrics.jsonl stale.json
refuses "$tools/metrics_compare" metrics.jsonl missing.json
conclude
