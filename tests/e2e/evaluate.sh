#!/usr/bin/env bash
# evaluate.sh: metrics against lists that `recommend` writes, counted by awk, with validation items masked and not; cold
# users and items; which metrics a table shows, and how they may be spelled.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_python csv

data=$work/data config=$work/config.yaml
make_data "$data"
inter=$(echo "$data"/*.inter)
write_config "$config" "$data" '  name: plain'
train_run "$work/run" --set train.epochs=2 --set eval.topk=[3,20]

# counted NAME LIST.tsv [DEGREE]: means of a metric at 20 over the users of test (those with at most DEGREE training pairs).
counted() {
  awk -F'\t' -v what="$1" -v most="${3:-1000000}" 'FILENAME == ARGV[1] { if (FNR > 1 && $3 == 0) degree[$1]++; if (FNR > 1 && $3 == 2) { test[$1, $2]; n[$1]++ }; next }
    FNR > 1 && (($1, $2) in test) { hits[$1]++; if (!($1 in first)) first[$1] = $3 }
    END { for (u in n) if (degree[u] > 0 && degree[u] <= most) { users++
        sum += what == "hit" ? hits[u] > 0 : what == "mrr" ? (u in first ? 1 / first[u] : 0) : hits[u] / n[u] }
      printf "%.6f\n", sum / users }' "$inter" "$2"
}
# of JSON METRIC [SLICE]: a metric of test.
of() {
  "$python" -c 'import json, sys
part = json.load(open(sys.argv[1]))["test"]
print("%.6f" % (part["slices"][sys.argv[3]] if len(sys.argv) > 3 else part)[sys.argv[2]])' "$@"
}
say "hit, mrr and recall are what lists say, also without validation items"
for mask in train train+valid; do
  split=none
  [[ $mask == train ]] || split=valid
  quietly "$plateau" recommend "$work/run" --all-users -k 20 --exclude-split "$split" -o "$work/list.tsv"
  "$plateau" evaluate "$work/run" --json --slices --set eval.mask="$mask" --set eval.cold=8 >"$work/$mask.json" 2>/dev/null
  for kind in hit mrr recall; do
    [[ $(counted $kind "$work/list.tsv") == $(of "$work/$mask.json" $kind@20) ]] ||
      complain "$mask: $kind@20 is $(of "$work/$mask.json" $kind@20), not $(counted $kind "$work/list.tsv")"
    [[ $(counted $kind "$work/list.tsv" 8) == $(of "$work/$mask.json" $kind@20 cold_users) ]] || complain "$mask: $kind@20 of cold users"
  done
done
! cmp -s "$work/train.json" "$work/train+valid.json" || complain "eval.mask changes nothing"
[[ $(sed 's/.*"valid": *{\([^}]*\)}.*/\1/' "$work/train.json") == $(sed 's/.*"valid": *{\([^}]*\)}.*/\1/' "$work/train+valid.json") ]] ||
  complain "eval.mask changes the validation part"

say "the end of a training masks as evaluate does"
train_run "$work/masked" --set train.epochs=2 --set eval.topk=[3,20] --set eval.mask=train+valid
grep '"final"' "$work/masked/metrics.jsonl" >"$work/final.json"
[[ $(of "$work/final.json" recall@20) == $(of "$work/train+valid.json" recall@20) ]] || complain "train: another recall@20 than evaluate"

say "tables"
shown() { quietly "$plateau" evaluate "$work/run" "$@" && awk -F@ '/@/ { print $1 }' "$work/quietly.txt" | uniq | tr '\n' ' '; }
[[ $(shown) == 'recall ndcg precision map popularity coverage ' ]] || complain "shown: $(shown)"
[[ $(shown --set 'eval.metrics=[mrr, Hit]') == 'hit mrr popularity coverage ' ]] || complain "eval.metrics: $(shown --set 'eval.metrics=[mrr, Hit]')"
quietly "$plateau" evaluate "$work/run" --slices
awk 'length > 80 { exit 1 }' "$work/quietly.txt" || complain "lines beyond 80 columns"
train_run "$work/cased" --set train.epochs=2 --set eval.every=1 --set eval.topk=[3,20] --set eval.metric=HIT@20
grep -q 'chosen by validation hit@20' "$work/quietly.txt" || complain "eval.metric: HIT@20 is not hit@20"
grep -q '^hit@20 ' "$work/quietly.txt" || complain "the metric that chooses is not shown"
for case in 'HR@20:did you mean hit@20' 'prec@3:did you mean precision@3' 'ndcg@7:eval.topk has no 7' 'NDCG:did you mean ndcg@3' 'auc@3:is none of recall'; do
  code=0
  "$plateau" train "$config" --set run.dir="$work/none" --set eval.topk=[3,20] --set eval.metric="${case%%:*}" >"$work/said.txt" 2>&1 || code=$?
  [[ $code == 64 ]] && grep -q "${case#*:}" "$work/said.txt" || { cat "$work/said.txt" >&2; complain "eval.metric=${case%%:*}: exit $code"; }
done
conclude
