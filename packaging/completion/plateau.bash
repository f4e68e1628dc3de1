# plateau.bash - completion of plateau for bash: commands, their options, keys and values of --set, run directories.
#
# What there is comes from the program itself (`plateau help completion`), asked once per shell: it is always that of the
# plateau that is called. Installed as share/bash-completion/completions/plateau; by hand: source this file.
# shellcheck shell=bash

_plateau_of='' _plateau_lines='' # the program that was asked, and what it said

# Lines of `plateau help completion` that begin like this, without it.
_plateau_said() { sed -n "s|^$1||p" <<<"$_plateau_lines"; }

# Offers the words that begin like $cur.
_plateau_offer() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }

_plateau_files() { # OPTION OF COMPGEN: -f, -d
  compopt -o filenames
  mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}

# Run directories, here and below runs/; else directories on the way to one.
_plateau_runs() {
  local dir
  local -a found=()
  for dir in "$cur"*/ runs/"$cur"*/; do
    [[ ! -f $dir/config.yaml ]] || found+=("${dir%/}")
  done
  ((${#found[@]} > 0)) || { _plateau_files -d; return; }
  compopt -o filenames
  COMPREPLY=("${found[@]}")
}

_plateau_configs() {
  local file
  _plateau_files -d
  while IFS= read -r file; do COMPREPLY+=("$file"); done < <(compgen -f -X '!*.y*ml' -- "$cur")
}

# KEY=VALUE: `before` is the key when a value is wanted. bash has made words of both sides of the =.
_plateau_set() {
  local command=$1 kind=$2 lines
  lines=$(_plateau_said "key/$command ")
  [[ $kind == file ]] || lines+=$'\n'$(_plateau_said 'key ')
  if [[ -n $before ]]; then
    _plateau_offer "$(sed -n "s/^${before//./\\.} \([^-].*\)/\1/p" <<<"$lines" | tr '|' ' ')"
  else
    compopt -o nospace
    _plateau_offer "$(sed -n 's/^\([^ ]*\) .*/\1=/p' <<<"$lines")"
  fi
}

_plateau_kind() { # KIND COMMAND KIND-OF-THE-COMMAND
  case $1 in
    run) _plateau_runs ;;
    config) _plateau_configs ;;
    dir) _plateau_files -d ;;
    file) _plateau_files -f ;;
    set) _plateau_set "$2" "$3" ;;
    value | none | '') ;;
    *) _plateau_offer "${1//|/ }" ;;
  esac
}

_plateau() {
  local cur=${COMP_WORDS[COMP_CWORD]} previous='' before='' command word='' kind options program i
  COMPREPLY=()
  program=${COMP_WORDS[0]/#\~\//$HOME/}
  if [[ $_plateau_of != "$program" ]]; then
    _plateau_lines=$("$program" help completion 2>/dev/null </dev/null) || return 0
    _plateau_of=$program
  fi
  if ((COMP_CWORD == 1)); then
    _plateau_offer "$(_plateau_said 'command ' | cut -d ' ' -f 1) help --help --version"
    return
  fi
  command=${COMP_WORDS[1]}
  if [[ $command == help ]]; then
    _plateau_offer "$(_plateau_said 'command ' | cut -d ' ' -f 1) $(_plateau_said 'topic ')"
    return
  fi

  # --set model.name=vb is --set, model.name, =, vb.
  i=$((COMP_CWORD - 1))
  if [[ $cur == '=' ]]; then
    cur='' before=${COMP_WORDS[i]} i=$((i - 1))
  elif [[ ${COMP_WORDS[i]} == '=' ]]; then
    before=${COMP_WORDS[i - 1]} i=$((i - 2))
  fi
  previous=${COMP_WORDS[i]}
  kind=$(_plateau_said "command $command " | cut -d ' ' -f 1)
  [[ -z $(_plateau_said "word $command ${COMP_WORDS[2]} ") || $COMP_CWORD == 2 ]] || word=${COMP_WORDS[2]}
  [[ -z $word ]] || kind=$(_plateau_said "word $command $word ")

  options=$(_plateau_said "option $command ")
  [[ -z $word ]] || options=$(_plateau_said "option $command/$word ")$'\n'$options
  if [[ $previous == -* ]]; then
    local of
    of=$(sed -n "s/^$previous //p" <<<"$options" | head -n 1)
    if [[ -n $of && $of != flag ]]; then
      _plateau_kind "$of" "$command" "$kind"
      return
    fi
  fi
  if [[ $cur == -* ]]; then
    _plateau_offer "$(cut -d ' ' -f 1 <<<"$options")"
  elif ((COMP_CWORD == 2)) && [[ -n $(_plateau_said "word $command ") ]]; then
    _plateau_offer "$(_plateau_said "word $command " | cut -d ' ' -f 1)"
  else
    _plateau_kind "$kind" "$command" "$kind"
  fi
}
complete -F _plateau plateau
