#!/usr/bin/env bash
# docs/configuration.md is what the option tables say: made anew by tests/e2e/reference.sh --write.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"
reference() {
  printf '# Configuration reference\n\n'
  printf 'Every option of every module, from the tables that also check a configuration (`plateau help options`).\n'
  printf 'Paths are relative to the configuration file, with `--set` to the working directory. Options of a model,\n'
  printf 'strategy or optimizer count when it is chosen; others are passed over with a warning.\n\n'
  "$plateau" help options --markdown
}
if [[ ${1:-} == --write ]]; then
  reference >"$root/docs/configuration.md"
  exit
fi
reference >"$work/configuration.md"
diff -u "$root/docs/configuration.md" "$work/configuration.md" || fail "docs/configuration.md is not what the options say: run tests/e2e/reference.sh --write"
conclude
