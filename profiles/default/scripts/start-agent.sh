# Has the agent run with the present files: starts it, starts it again after a change, or finds that all is well. What
# the agent remembers of its epochs is a file of its own, which nothing here touches.
cd "$GATEWRIGHT_ROOT/agent" || exit 1
wanted=$(cat agent.js config.json secret supervise.sh gatewright-agent.service | sha256sum)

# systemd is another machine's matter where a host is only played by a directory.
if [ -d /run/systemd/system ] && [ "$(id -u)" = 0 ] && [ "$GATEWRIGHT_ROOT" = /var/lib/gatewright ]; then
  runs() { systemctl is-active --quiet gatewright-agent; }
  stop() { systemctl stop gatewright-agent 2>/dev/null || :; }
  start() {
    cmp -s gatewright-agent.service /etc/systemd/system/gatewright-agent.service ||
      cp gatewright-agent.service /etc/systemd/system/gatewright-agent.service || return 1
    systemctl daemon-reload && systemctl enable --quiet gatewright-agent && systemctl start gatewright-agent
  }
else
  # The supervisor holds the lock for as long as it lives.
  runs() { ! (flock -n 8) 8>>supervisor.lock; }
  stop() {
    runs || return 0
    kill "$(cat supervisor.pid)" 2>/dev/null
    if ! (flock -w 5 8) 8>>supervisor.lock; then
      kill -KILL "$(cat agent.pid)" 2>/dev/null
      (flock -w 5 8) 8>>supervisor.lock
    fi
  }
  start() { setsid sh supervise.sh </dev/null >>agent.log 2>&1 & }
fi

if runs && [ "$(cat running 2>/dev/null)" = "$wanted" ]; then
  echo 'the agent runs already'
  exit 0
fi
rm -f running
stop || { echo 'the agent that runs cannot be stopped'; exit 1; }
[ ! -f agent.log ] || mv -f agent.log agent.log.1
: >agent.log
start || exit 1

tries=0
until grep -q '^replica .* serves ' agent.log; do
  tries=$((tries + 1))
  if [ "$tries" -gt 400 ] || grep -q -e '^supervisor: ' -e '^gateway agent: ' agent.log; then
    stop
    echo 'the agent does not come up; it says:'
    tail -n 20 agent.log
    exit 1
  fi
  sleep 0.05
done
printf '%s\n' "$wanted" >running.new && mv -f running.new running
echo 'the agent runs'
