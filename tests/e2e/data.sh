#!/usr/bin/env bash
# Data as people have it: columns in any order, more columns than needed, LightGCN's two files, no validation part,
# duplicate pairs.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml
make_data "$data"
inter=("$data"/*.inter)
write_config "$config" "$data" "$bsam_plus"
train_run "$work/reference"
reference=$(tables_hash "$work/reference")

# pairs AWK-PROGRAM: the interactions as `user item label` through a program.
pairs() {
  awk -F'\t' 'NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
    { print $column["userID"] "\t" $column["itemID"] "\t" $column["x_label"] }' "${inter[0]}" | awk -F'\t' "$@"
}

say "columns in another order, and more of them"
cp -r "$data" "$work/columns"
pairs 'BEGIN { print "rating\tx_label\titemID\ttimestamp\tuserID" }
       { print "5.0\t" $3 "\t" $2 "\t1234567890\t" $1 }' >"$work/columns/$(basename "${inter[0]}")"
train_run "$work/run" --set "data.path=$work/columns"
[[ $(tables_hash "$work/run") == "$reference" ]] || complain "other tables with the columns in another order"

say "LightGCN's train.txt and test.txt, without a validation part"
mkdir "$work/lightgcn"
for part in train:0 test:2; do
  pairs -v label="${part#*:}" '$3 == label { items[$1] = items[$1] " " $2 }
    END { for (user in items) print user items[user] }' | sort -n >"$work/lightgcn/${part%:*}.txt"
done
cat >"$work/bpr.yaml" <<YAML
data: {path: lightgcn}
model: {name: bpr, dim: 8}
optimizer: {name: adam, lr: 0.01}
train: {epochs: 2, batch_size: 512}
eval: {every: 1, topk: [20]}
YAML
quietly "$plateau" data check "$work/lightgcn"
quietly "$plateau" train "$work/bpr.yaml" --set "run.dir=$work/lightgcn-run"
grep -qi 'validation' "$work/quietly.txt" || complain "nothing said about the missing validation part"
grep -q '"event": *"final".*"test"' "$work/lightgcn-run/metrics.jsonl" || complain "no test metrics without validation"

say "duplicate pairs: a warning, kept"
cp -r "$data" "$work/duplicates"
pairs 'BEGIN { print "userID\titemID\tx_label" } { print } $3 == 0 && n++ < 3 { print }' \
  >"$work/duplicates/$(basename "${inter[0]}")"
quietly "$plateau" data check "$work/duplicates"
grep -qiE '\b3\b.*duplicate|duplicate.*\b3\b' "$work/quietly.txt" || complain "data check: 3 duplicates not counted"
quietly "$plateau" train "$config" --set "run.dir=$work/duplicates-run" --set "data.path=$work/duplicates"
grep -qi 'duplicate' "$work/quietly.txt" || complain "train: no warning of duplicates"

conclude
