# What a machine says of an operation; its id is $argument. Prints lines that drivers/ssh/inspect.ts reads.
# root.sh comes before it.
for tool in flock setsid timeout tee sed stat cmp; do
  command -v "$tool" >/dev/null || { printf 'missing %s\n' "$tool"; exit 0; }
done
mkdir -p "$root/operations" 2>/dev/null || { printf 'unwritable %s\n' "$root"; exit 0; }
printf 'root %s\n' "$root"

operation=$root/operations/$argument
outcome() { cat "$operation/outcome.json" 2>/dev/null || echo '{"state":"not begun"}'; }
said=$(outcome)
case $said in
  *'"state":"running"'*)
    # Whoever runs it holds the lock. Nobody does: it ended just now, or was ended without a word.
    if (flock -n -s 9) 9>>"$root/lock" || [ "$(cat "$root/holder")" != "$argument" ]; then
      said=$(outcome)
      case $said in *'"state":"running"'*) said='{"state":"interrupted"}' ;; esac
    fi
    ;;
esac
printf 'outcome %s\n' "$said"
printf 'holder %s\n' "$(head -c 64 "$root/holder" 2>/dev/null)"
echo output
tail -c 4000 "$operation/output" 2>/dev/null || :
