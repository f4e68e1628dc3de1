#!/usr/bin/env bash
# Every shell script of the project parses, stops at errors and is executable (lib.sh, hosts.sh, slurm.sh and plateau.bash,
# which are sourced, aside); shellcheck, where it is installed, has nothing to say.
set -euo pipefail
cd "$(dirname "$0")/../.."

bad=0
mapfile -t scripts < <(find .ci docs launch packaging tests -type f -exec awk 'FNR == 1 && /^#!(\/usr\/bin\/env bash|\/bin\/(ba)?sh)/ { print FILENAME }' {} + | sort)
((${#scripts[@]} > 0))
for script in "${scripts[@]}"; do
  bash -n "$script" || bad=1
  grep -q '^set -euo pipefail' "$script" || { echo "$script: lacks set -euo pipefail"; bad=1; }
  [[ -x $script ]] || { echo "$script: not executable"; bad=1; }
done
if command -v shellcheck >/dev/null; then
  printf '%s\0' "${scripts[@]}" tests/lib.sh tests/hosts.sh tests/slurm.sh packaging/completion/plateau.bash | xargs -0 -P "$(nproc)" -n 10 shellcheck -f gcc || bad=1
else
  echo "shellcheck is not installed"
fi
exit $bad
