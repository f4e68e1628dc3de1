#!/usr/bin/env bash
# Lines of C of at most 120 columns (clang-format leaves comments as they are), files of at most 500 lines, functions of
# at most 60. Prints each breach as file:line, and the figures.
set -euo pipefail
cd "$(dirname "$0")/../.."

mapfile -t files < <(find common proto ps worker launch include examples tests -name '*.[ch]' | sort)
LC_ALL=C awk '
  function breach(file, line, what) { printf "%s:%d: %s\n", file, line, what; breaches++ }
  function file_ends() {
    size[++files] = lines
    if (lines > 500) breach(file, lines, "a file of " lines " lines, 500 at most")
  }
  function median(i, j, moved) { # of size[1 .. files]
    for (i = 2; i <= files; i++) {
      moved = size[i]
      for (j = i - 1; j > 0 && size[j] > moved; j--) size[j + 1] = size[j]
      size[j + 1] = moved
    }
    return size[int((files + 1) / 2)]
  }
  FNR == 1 && NR > 1 { file_ends() }
  FNR == 1 { start = body = 0 }
  { file = FILENAME; lines = FNR }
  length($0) > 120 {
    columns = $0
    gsub(/[\200-\277]/, "", columns) # the later bytes of a UTF-8 character
    if (length(columns) > 120) breach(file, FNR, length(columns) " columns, 120 at most")
  }
  # As clang-format writes them: a function begins in column 0, its body with a brace at the end of a line, and ends with
  # one in column 0.
  /^[A-Za-z_]/ { start = /\(/ && !/;$/ && !/^(typedef|struct|union|enum)[ {]/ ? FNR : 0; title = $0 }
  start && !body && /\{$/ { body = start }
  /^}/ {
    if (body && FNR - body + 1 > 60) {
      sub(/ \{$/, "", title)
      breach(file, body, FNR - body + 1 " lines, 60 at most: " title)
    }
    if (body && FNR - body + 1 > longest) longest = FNR - body + 1
    start = body = 0
  }
  END {
    file_ends()
    printf "sizes: %d files, median %d lines; the longest function has %d\n", files, median(), longest
    exit breaches > 0
  }' "${files[@]}"
