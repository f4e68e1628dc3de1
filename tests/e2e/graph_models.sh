#!/usr/bin/env bash
# graph_models.sh MODEL: with draws, fan-out, trained features and evaluation the tables, losses and metrics
# have the same bits for one and for three workers, ranks or not, and after a stop; `evaluate` says what training said.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
case ${1:-} in
  freedom) options="edge_dropout: 0.5\n  knn: 5\n  train_features: true" ;;
  bm3) options="dropout: 0.3\n  train_features: true" ;;
  cm3) options="mix: beta\n  alpha: 0.5\n  knn: 5\n  item_graph_weights: {image: 0.1, text: 0.9}" ;;
  dragon) options="user_knn: 4\n  user_pad: random\n  knn: 5\n  item_layers: 2" ;;
  mmgcn) options="latent: {image: 6}\n  amr_weight: 0.5" ;;
  grcn) options="routing: 2\n  latent: 6" ;;
  mgcn) options="knn: 5\n  cl_weight: 0.1\n  train_features: true" ;;
  lgmrec) options="hyper_num: 3\n  hyper_layers: 2\n  cl_weight: 0.01" ;;
  *) fail "usage: graph_models.sh freedom|bm3|cm3|dragon|mmgcn|grcn|mgcn|lgmrec" ;;
esac
sed -i -e "s/^  name: vbpr/  name: $1\n  layers: 2\n  fanout: [6, 4]\n  $options/" "$config"
[[ $1 != mmgcn ]] || echo "augment: {feature_dropout: 0.1, feature_noise: 0.1, feature_mix: 0.2, edge_dropout: 0.2}" >>"$config"
[[ $1 != cm3 ]] || sed -i '/^  reg:/d' "$config"
[[ $1 != grcn && $1 != lgmrec ]] || sed -i '/^  fanout:/d' "$config"

# metrics_of RUN: every evaluation, and the final one, without times.
metrics_of() {
  local k
  for k in recall@20 ndcg@20 map@5; do
    grep -E '"event": *"(eval|final)"' "$1/metrics.jsonl" | json_number "$k"
  done
}
# same NAME RUN: what RUN has are the tables, losses and metrics of the reference.
same() {
  [[ $(tables_hash "$2") == "$reference" ]] || complain "$1: other tables"
  losses_of "$2" | cmp -s - "$work/losses.txt" || complain "$1: other losses"
  metrics_of "$2" | cmp -s - "$work/metrics.txt" || complain "$1: other metrics"
}

# figures: the table of metrics of the command before.
figures() { grep -E '^(recall|ndcg|precision|map)@' "$work/quietly.txt"; }

train_run "$work/one" --set eval.every=1 --servers 1 --workers 1
figures >"$work/told.txt"
reference=$(tables_hash "$work/one")
losses_of "$work/one" >"$work/losses.txt"
metrics_of "$work/one" >"$work/metrics.txt"
(($(wc -l <"$work/losses.txt") >= 12)) || fail "only $(wc -l <"$work/losses.txt") steps"
(($(wc -l <"$work/metrics.txt") >= 9)) || fail "only $(wc -l <"$work/metrics.txt") metrics"

train_run "$work/three" --set eval.every=1 --servers 3 --workers 3 --set cluster.threads=2
same "3 servers, 3 workers" "$work/three"
train_run "$work/ipc" --set eval.every=1 --servers 2 --workers 3 --set cluster.transport=ipc
same "2 servers, 3 workers in processes" "$work/ipc"
train_run "$work/stopped" --set eval.every=1 --set train.max_steps=8
train_run "$work/stopped" --set eval.every=1 --resume --workers 3
[[ $(tables_hash "$work/stopped") == "$reference" ]] || complain "stopped: other tables"

quietly "$plateau" evaluate "$work/one"
figures >"$work/evaluated.txt"
cmp -s "$work/told.txt" "$work/evaluated.txt" || complain "evaluate: other figures than training's last"

# vector FILE ROW COLS: a row of a .npy file of float32, which begins at byte 128.
vector() { od -An -v -tf4 -w$((4 * $3)) -j $((128 + 4 * $3 * $2)) -N $((4 * $3)) "$1"; }
quietly "$plateau" export "$work/one" --vectors -o "$work/vectors"
cols=$(sed -n 's/.*user_vectors.npy  300 x \([0-9]*\)$/\1/p' "$work/quietly.txt")
quietly "$plateau" recommend "$work/one" -k 3 -o "$work/top.tsv"
for line in 2 400 880; do
  IFS=$'\t' read -r user item _ score < <(sed -n "${line}p" "$work/top.tsv")
  { vector "$work/vectors/user_vectors.npy" "$user" "$cols"; vector "$work/vectors/item_vectors.npy" "$item" "$cols"; } |
    awk -v score="$score" 'NR == 1 { n = split($0, u) } NR == 2 { split($0, i); for (c = 1; c <= n; c++) sum += u[c] * i[c]
      d = sum - score; exit !(n > 1 && d * d < 1e-10 * (1 + score * score)) }' ||
    complain "export --vectors: user $user x item $item is not the score $score"
done
quietly "$plateau" export "$work/one" --vectors --servers 3 -o "$work/vectors-3"
cmp -s "$work/vectors/item_vectors.npy" "$work/vectors-3/item_vectors.npy" || complain "export --vectors: other bits from 3 servers"

conclude
