#!/bin/sh
# Carries out one operation on a machine: places files, runs scripts, and writes down what came of it. It is started in
# a session of its own, so that it finishes when the connection is lost; what it has to say goes to the connection and
# to a file. Nothing outside the plan, whose words Gatewright has checked, is ever part of a command here.
#
#   sh runner.sh OPERATION_DIRECTORY
#
# 0: the outcome is in OPERATION_DIRECTORY/outcome.json. 75: another operation holds the machine.
set -u
umask 077
operation=$1
root=${operation%/operations/*}
id=${operation##*/}
state=$root/state.json
# Bytes of a script's output that are kept.
limit=1000000

exec 3>&1 9>>"$root/lock"
# Someone who looks whether it is held holds it, too, for a moment.
flock -w 0.5 9 || exit 75
# The connection may be gone by the time there is something to say.
trap '' HUP PIPE

# Secrets may be among what was uploaded.
clean() { rm -f "$operation"/file-* "$operation"/script-* "$operation/values.json" "$operation/plan"; }

case $(cat "$operation/outcome.json" 2>/dev/null) in *'"state":"ended"'*) clean; exit 0 ;; esac

replace() { # FILE, content on stdin
  cat >"$1.new" && sync "$1.new" && mv -fT "$1.new" "$1"
}

say() {
  printf 'gatewright: %s\n' "$*" >>"$operation/output"
  printf 'gatewright: %s\n' "$*" >&3
} 2>/dev/null

ran='' unchanged='' placed=0
finish() { # EXIT SCRIPT
  printf '{"state":"ended","operation":"%s","exit":%s,"script":"%s","ran":[%s],"unchanged":[%s],"placed":%s}\n' \
    "$id" "$1" "$2" "${ran#,}" "${unchanged#,}" "$placed" | replace "$operation/outcome.json"
  clean
  # shellcheck disable=SC2012 # the names are ids
  ls -1t "$root/operations" | tail -n +11 | while read -r old; do rm -rf "$root/operations/${old:?}"; done
  exit 0
}

printf '%s\n' "$id" >"$root/holder.new" && mv -fT "$root/holder.new" "$root/holder"
printf '{"state":"running","operation":"%s"}\n' "$id" | replace "$operation/outcome.json"
read -r _ profile revision <"$operation/plan" || { say 'there is no plan'; finish 66 ''; }

# The scripts that are done, a JSON object a line, as in the state file.
finished=$(sed -n 's/^\({"script":"[a-z0-9-]*","revision":"'"$revision"'"}\),\{0,1\}$/\1/p' "$state" 2>/dev/null)

write_state() { # REVISION as JSON
  {
    printf '{"format":1,"profile":"%s","revision":%s,"operation":"%s","scripts":[\n' "$profile" "$1" "$id"
    [ -z "$finished" ] || printf '%s\n' "$finished" | sed '$!s/$/,/'
    printf ']}\n'
  } | replace "$state"
}

place() { # NUMBER MODE OWNER PATH
  staged=$operation/file-$1
  case $4 in /*) target=$4 ;; *) target=$root/$4 ;; esac
  if [ -f "$target" ] && [ ! -h "$target" ] && cmp -s "$staged" "$target" &&
    [ "$(stat -c %a "$target")" = "$2" ] && { [ "$3" = - ] || [ "$(stat -c %U:%G "$target")" = "$3" ]; }; then
    return 0
  fi
  # What was done was done with other files. This is noted first: whoever comes after a crash must not believe it.
  if [ "$placed" = 0 ]; then finished='' && write_state null || return 1; fi
  directory=${target%/*}
  case $4 in
    /*) (umask 022 && mkdir -p "$directory") || return 1 ;;
    *)
      mkdir -p "$directory" || return 1
      [ "$(readlink -f "$directory")" = "$(readlink -f "$root")${directory#"$root"}" ] ||
        { say "a symbolic link leads away from $directory"; return 1; }
      ;;
  esac
  draft=$target.gatewright-new
  rm -f "$draft" && cp "$staged" "$draft" && { [ "$3" = - ] || chown "$3" "$draft"; } &&
    chmod "$2" "$draft" && sync "$draft" && mv -fT "$draft" "$target" || return 1
  placed=$((placed + 1))
  say "placed $4"
}

run_script() { # NAME SECONDS
  say "script $1 begins"
  {
    (
      trap - HUP PIPE
      export GATEWRIGHT_ROOT="$root" GATEWRIGHT_VALUES="$operation/values.json" GATEWRIGHT_REVISION="$revision"
      cd "$root" && exec timeout -k 5 "$2" sh "$operation/script-$1"
    ) </dev/null 3>&- 9>&-
    echo "$?" >"$operation/exit"
  } 2>&1 |
    # Whoever is left behind by a script with its output open is not waited for longer than for the script.
    timeout "$(($2 + 10))" sh -c '
      head -c "$1"; rest=$(wc -c); [ "$rest" = 0 ] || printf "\n(%s more bytes are left out)\n" "$rest"' sh "$limit" |
    LC_ALL=C sed -u -e "s/^/$1: /" -e '$a\' | tee -a -p "$operation/output" >&3 2>/dev/null
  code=$(cat "$operation/exit")
  [ "$code" != 124 ] || say "script $1 did not end within $2 s"
  say "script $1 ended with $code"
  return "$code"
}

while read -r kind name one two three; do
  case $kind in
    file) place "$name" "$one" "$two" "$three" 2>>"$operation/output" || { say "cannot place $three"; finish 73 ''; } ;;
    script)
      line="{\"script\":\"$name\",\"revision\":\"$revision\"}"
      if [ "$two" = once ] && printf '%s\n' "$finished" | grep -qxF -- "$line"; then
        unchanged="$unchanged,\"$name\""
        continue
      fi
      run_script "$name" "$one" || finish "$?" "$name"
      ran="$ran,\"$name\""
      if [ "$two" = once ]; then
        finished=$(printf '%s\n%s' "$finished" "$line" | sed '/^$/d')
        write_state null || finish 74 "$name"
      fi
      ;;
  esac
done <"$operation/plan"
write_state "\"$revision\"" || finish 74 ''
finish 0 ''
