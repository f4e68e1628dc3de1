#!/usr/bin/env bash
# Pages that repeat what the binary knows say the same: docs/configuration.md is what the option tables say (made anew by
# tests/e2e/reference.sh --write); README.md's rows of models, strategies and optimizers and the first column of
# docs/optimizers.md name those that there are and no others; the pages of docs/methods have something on each.
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

# expect_names WHAT KIND: standard input names all of a kind in `code`, and nothing else.
expect_names() {
  diff <("$plateau" help "$2" --names | sort) <(grep -oE '`[^`]+`' | tr -d '`' | sort -u) >"$work/names.txt" ||
    complain "$1 names other $2 (>) than there are (<):" "$(grep '^[<>]' "$work/names.txt")"
}
for kind in models strategies optimizers; do
  grep "^| $kind |" "$root/README.md" | expect_names "README.md" "$kind"
  while read -r name; do
    grep -qF "\`$name\`" "$root/docs/methods/$kind.md" || complain "docs/methods/$kind.md has nothing on $name"
  done < <("$plateau" help "$kind" --names)
done
sed -n '/^| name |/,/^$/p' "$root/docs/optimizers.md" | cut -d '|' -f 2 | expect_names "docs/optimizers.md" optimizers
conclude
