#!/usr/bin/env bash
# metrics.jsonl and its page: every event and field that is written stands in docs/metrics.md; events that a start takes
# back are told once under their name; where time went, and traces.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

page=$root/docs/metrics.md
# A run of stages of all kinds, and one with a shifted part.
quietly "$plateau" data synth --kind planted -o "$work/data" --users 60 --items 80
cat >"$work/stages.yaml" <<YAML
run: {seed: 3}
data: {path: $work/data}
model: {name: m3invrl, dim: 4, feat_dim: 4, width: 4, negatives: 2}
optimizer: {name: adam, lr: 0.02}
train: {batch_size: 1024, log_every: 1}
eval: {topk: [5, 20], users: 20}
procedure:
  - {stage: encoders, train: {epochs: 1}}
  - repeat: 2
    stages:
      - {stage: environments, environments: 2, rounds: 1, train: {epochs: 1}}
      - {stage: mask, train: {epochs: 1}}
  - {stage: models, train: {epochs: 1}}
  - {stage: fusion, fusion: learned, train: {epochs: 1}}
YAML
features=$(cd "$work/data" && printf '%s\n' *_feat.npy | paste -sd,)
quietly "$plateau" train "$work/stages.yaml" --set "run.dir=$work/stages" --set "data.features=[$features]"
write_config "$work/plain.yaml" "$work/data" "$bsam_plus"
plain=("$plateau" train "$work/plain.yaml" --set "data.features=[$features]" --set "run.dir=$work/run" --set train.epochs=5
  --set train.batch_size=256 --set eval.every=2 --set checkpoint.every_epochs=1 --set checkpoint.keep=10)
quietly "${plain[@]}" --workers 3 --servers 2 --trace "$work/trace.json"
cp "$work/quietly.txt" "$work/told.txt"

say "fields"
# Names of modalities are the data's.
cat "$work"/{stages,run}/metrics.jsonl | sed 's/"modalities": {[^}]*}/"modalities": 0/' >"$work/events.txt"
sed -n '/^## metrics.jsonl/,/^## Metrics/p' "$page" | grep -oE '`[^`]+`' | tr -d '`' | sort -u >"$work/named.txt"
grep -oE '"[^"]+": ' "$work/events.txt" | tr -d '": ' | sed 's/@[0-9]*$/@K/' | sort -u >"$work/written.txt"
comm -23 "$work/written.txt" "$work/named.txt" >"$work/unnamed.txt"
[[ ! -s $work/unnamed.txt ]] || complain "docs/metrics.md does not name the fields" "$(tr '\n' ' ' <"$work/unnamed.txt")"
(($(wc -l <"$work/written.txt") > 60)) || complain "only $(wc -l <"$work/written.txt") fields were written: too few to test"
grep -oE '"event": "[a-z]+"' "$work/events.txt" | sort -u | cut -d '"' -f 4 >"$work/kinds.txt"
for kind in step epoch eval checkpoint labels mask fusion time slices final; do
  grep -qx "$kind" "$work/kinds.txt" || complain "no event $kind: nothing is tested"
done
while read -r kind; do grep -qE "^\| \`$kind\` \| [^|]+ \|$" "$page" || complain "docs/metrics.md does not tell when $kind is written"; done <"$work/kinds.txt"

say "the last epoch is evaluated"
evaluated() { grep '"event": "eval".*"split": "valid"' "$work/run/metrics.jsonl" | json_number epoch | tr '\n' ' '; }
[[ $(evaluated) == '1 3 4 ' ]] || complain "evaluated after epochs $(evaluated)"
grep '"event": "eval".*"valid"' "$work/run/metrics.jsonl" | grep -qv '"eval_s": [0-9]' && complain "an evaluation does not say what it took"

say "where time went"
grep -qE '^most/least +[0-9.]+ ' "$work/told.txt" || { complain "no line of most/least:"; cat "$work/told.txt"; }
awk '/^time /{ on = 1 } /^$/{ on = 0 } on && length > 80 { bad = 1 } END { exit bad }' "$work/told.txt" || complain "lines beyond 80 columns"

say "traces"
[[ $(head -n 1 "$work/trace.json") == '[' && $(tail -n 1 "$work/trace.json") == ']' ]] || complain "a trace that is no list"
for worker in 0 1 2; do
  for name in sample compute send receive epoch evaluation; do
    grep -q "\"ph\": \"X\", \"pid\": $worker, \"tid\": 0, \"name\": \"$name\", \"ts\": " "$work/trace.json" || complain "worker $worker has no $name in the trace"
  done
done
! compgen -G "$work/trace.json.worker-*" >/dev/null || complain "parts of the trace stay"
hash=$(tables_hash "$work/run")

say "epochs that are trained again"
cp "$work/run/metrics.jsonl" "$work/before.jsonl"
mapfile -t clocks < <(find "$work/run/checkpoints" -maxdepth 1 -type d -name '[0-9]*' -printf '%f\n' | sort -n)
rm -r "$work/run/checkpoints/${clocks[-1]}" "$work/run/checkpoints/${clocks[-2]}"
quietly "${plain[@]}" --resume
epochs=$(grep '"event": "epoch"' "$work/run/metrics.jsonl" | json_number epoch | tr '\n' ' ')
[[ $epochs == '0 1 2 3 4 ' ]] || complain "epochs $epochs"
[[ $(evaluated) == '1 3 4 ' ]] || complain "evaluations $(evaluated)"
[[ $(grep -c '"event": "undone", "was": "epoch"' "$work/run/metrics.jsonl") == 2 ]] || complain "not two epochs are undone"
[[ $(tables_hash "$work/run") == "$hash" ]] || complain "other tables"
steps() { grep '"event": "step"' "$1" | json_number step | sort -n | uniq -c | awk '$1 > 1' | wc -l; }
[[ $(steps "$work/run/metrics.jsonl") == 0 ]] || complain "steps are told twice"
conclude
