#!/usr/bin/env bash
# One small run under valgrind (2 servers, 2 workers, tcp, evaluation, checkpoint, export): no errors, no leaks.
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
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
quietly "${checked[@]}" train "$config" --set "run.dir=$work/run" --set train.max_steps=4 --set eval.every=1 \
  --set cluster.transport=tcp --servers 2 --workers 2
quietly "${checked[@]}" export "$work/run" --last -o "$work/out"
conclude
