#!/usr/bin/env bash
# Small runs under valgrind (2 servers, 2 workers, tcp, evaluation, checkpoint, export), of a plain and of a graph model:
# no errors, no leaks.
# Exit 77 (skipped) without valgrind.
set -euo pipefail
if ! command -v valgrind >/dev/null; then
  echo "skipped: valgrind is not installed"
  exit 77
fi
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# shellcheck disable=SC2054
checked=(valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect
  --show-leak-kinds=definite,indirect "--suppressions=$root/tests/valgrind.supp" "$plateau")
data=$work/data config=$work/config.yaml
quietly "$plateau" data synth "$data" --users 100 --items 80 --interactions 1300 --modalities text:16,image:8 --seed 1
write_config "$config" "$data" "$bsam_plus"
quietly "${checked[@]}" train "$config" --set "run.dir=$work/run" --set train.max_steps=4 --set eval.every=1 \
  --set cluster.transport=tcp --servers 2 --workers 2
quietly "${checked[@]}" export "$work/run" --last -o "$work/out"

sed -i -e 's/^  name: vbpr/  name: cm3\n  layers: 2\n  fanout: [3, 2]\n  knn: 3/' -e '/^  reg:/d' "$config"
quietly "${checked[@]}" train "$config" --set "run.dir=$work/graph" --set train.max_steps=2 --set eval.every=1 \
  --set train.micro_batch=256 --set cluster.transport=ipc --servers 2 --workers 2
quietly "${checked[@]}" export "$work/graph" --last --vectors -o "$work/out"
conclude
