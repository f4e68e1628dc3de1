#!/usr/bin/env bash
# robustness.sh: evaluate --noise and --replace. The figures are those of features that are disturbed in their files, for
# models that read them in different ways; one result on any cluster; a picture; bad input.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
disturb=$1

data=$work/data config=$work/config.yaml
make_data "$data"
write_config "$config" "$data" '  name: plain'

# values FILE: the metrics of the test part in a file of JSON, one a line; behind "robustness" if there is such a thing.
values() {
  tr -d ' \n' <"$1" | sed 's/.*"robustness"//; s/.*"test":{//; s/"deviation".*//' | tr ',' '\n' |
    grep -E '"(recall|ndcg|precision|map)@'
}

# same RUN KIND AMOUNT: what --KIND AMOUNT says is what an evaluation on disturbed files says.
same() {
  local changed=$work/changed.$2
  rm -rf "$changed" && mkdir "$changed"
  cp "$data"/*.inter "$changed"
  "$disturb" "$data" "$changed" "$2" "$3" 1 text_feat.npy image_feat.npy
  "$plateau" evaluate "$1" --split test --json "--$2" "$3" --seeds 1 >"$work/as_said.json"
  "$plateau" evaluate "$1" --split test --json --set "data.path=$changed" >"$work/of_files.json"
  values "$work/as_said.json" >"$work/as_said.txt"
  values "$work/of_files.json" >"$work/of_files.txt"
  [[ $(wc -l <"$work/of_files.txt") -ge 8 ]] || complain "$1: no metrics"
  cmp "$work/as_said.txt" "$work/of_files.txt" || complain "$1, $2 $3: other metrics than of disturbed files"
  "$plateau" evaluate "$1" --split test --json >"$work/clean.json"
  cmp -s <(values "$work/clean.json") "$work/of_files.txt" && complain "$1, $2 $3: nothing has changed"
  true
}

for model in vbpr ultragcn freedom mgcn; do
  say "$model: disturbed here, disturbed in files"
  sed "s/name: vbpr/name: $model/" "$config" >"$work/$model.yaml"
  [[ $model == vbpr ]] || sed -i '/  reg: 0.001/d' "$work/$model.yaml"
  [[ $model == ultragcn ]] && sed -i 's/  dim: 8/  dim: 8\n  negatives: 10/' "$work/$model.yaml"
  quietly "$plateau" train "$work/$model.yaml" --quiet --set "run.dir=$work/$model"
  same "$work/$model" noise 1
  same "$work/$model" replace 0.5
done

say "one result on any cluster"
for shape in 1:1 3:1 2:3; do
  "$plateau" evaluate "$work/freedom" --json --noise 0.5,1 --replace 0.2 --seeds 2 --modalities image \
    --servers "${shape%:*}" --set "cluster.workers=${shape#*:}" >"$work/at.$shape"
  cmp -s "$work/at.1:1" "$work/at.$shape" || complain "${shape/:/ servers, } workers give another result"
done
[[ $(tr ',' '\n' <"$work/at.1:1" | grep -c '"kind"') == 3 ]] || complain "three disturbances were asked for"
grep -q '"modalities": *\["image"\]' "$work/at.1:1" || complain "the modality is not named"

say "for people"
"$plateau" evaluate "$work/vbpr" --split test --noise 0.000001,2 --replace 0.000001 --seeds 2 >"$work/table.txt"
for line in '^noise 1e-06 .* ± 0\.0000 100\.0 %' '^replace 1e-06 .* ± 0\.0000 100\.0 %' '^noise 2 ' 'over 2 draws$'; do
  grep -qE "$line" "$work/table.txt" || { cat "$work/table.txt" && complain "the table has no line like $line"; }
done
if command -v gnuplot >/dev/null; then
  quietly "$plateau" evaluate "$work/vbpr" --split test --noise 1 --replace 0.5 --seeds 2 --beside "$work/as_said.json" \
    --plot "$work/curves.svg"
  grep -q '</svg>' "$work/curves.svg" || complain "no picture"
  refuses 65 'has no recall@20 of test' "$plateau" evaluate "$work/vbpr" --split test --noise 1 --seeds 1 \
    --beside "$work/clean.json" --plot "$work/curves.svg"
fi

say "what makes no sense"
sed 's/name: vbpr/name: bpr/' "$config" >"$work/bpr.yaml"
quietly "$plateau" train "$work/bpr.yaml" --quiet --set "run.dir=$work/bpr" --set train.epochs=1
refuses 64 'reads no features' "$plateau" evaluate "$work/bpr" --noise 1
refuses 64 'no modality "sound"' "$plateau" evaluate "$work/vbpr" --noise 1 --modalities sound
refuses 64 'replace' "$plateau" evaluate "$work/vbpr" --replace 1.5
refuses 64 'give one of them' "$plateau" evaluate "$work/vbpr" --plot "$work/x.svg"
conclude
