#!/usr/bin/env bash
# What the tests have run, by room: gcov's count of lines in a build of preset coverage. Then the files of which less
# than 70 % ran. (Children that are killed, and those that leave by _exit, are not counted.)
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(cd "${1:-build/coverage}" && pwd)

mapfile -t notes < <(find "$build"/{common,proto,ps,worker,launch} -name '*.gcno' -path '*/plateau*.dir/*' | sort)
((${#notes[@]} > 0)) || { echo "coverage: $build is not built with preset coverage" >&2; exit 1; }
# -n: no files, only figures. A source is counted where it is compiled, not where its inline functions are used.
gcov -n "${notes[@]}" 2>/dev/null | awk -v root="$PWD/" '
  /^File / { file = substr($0, 7, length($0) - 7); if (index(file, root) == 1) file = substr(file, length(root) + 1) }
  /^Lines executed:/ && file ~ /^(common|proto|ps|worker|launch)\/.*\.c$/ {
    split(substr($0, 16), part, /% of /)
    room = file
    sub(/\/[^\/]*$/, "", room)
    files[room]++
    lines[room] += part[2]
    run[room] += part[1] * part[2] / 100
    if (part[1] < 70) low[++n] = sprintf("%6.1f %%  %s", part[1], file)
    file = ""
  }
  function row(name, files, lines, run) { printf "%-20s %5d %7d %7.1f %%\n", name, files, lines, 100 * run / lines }
  END {
    printf "%-20s %5s %7s %9s\n", "room", "files", "lines", "run"
    for (room in files) {
      row(room, files[room], lines[room], run[room]) | "sort"
      all_files += files[room]; all_lines += lines[room]; all_run += run[room]
    }
    close("sort")
    row("all", all_files, all_lines, all_run)
    for (i = 1; i <= n; i++) print low[i] | "sort -n"
  }'
