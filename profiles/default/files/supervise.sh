#!/bin/sh
# Keeps the gateway's agent running where there is no systemd. There is one for each directory; TERM ends both.
cd "$(dirname "$0")" || exit 1
exec 8>>supervisor.lock
flock -w 5 8 || exit 1
echo "$$" >supervisor.pid

agent='' stopping=''
trap 'stopping=1; [ -z "$agent" ] || kill "$agent" 2>/dev/null' TERM
while [ -z "$stopping" ]; do
  node --max-semi-space-size=1 --max-old-space-size=64 agent.js --config=config.json 8>&- &
  agent=$!
  echo "$agent" >agent.pid
  wait "$agent"
  code=$?
  # A signal ends the first wait, not the agent.
  [ -z "$stopping" ] || { wait "$agent"; break; }
  agent=''
  echo "supervisor: the agent ended with $code"
  [ "$(stat -c %s agent.log)" -lt 1000000 ] || : >agent.log
  sleep 1 8>&-
done
