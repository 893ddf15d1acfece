# Where Gatewright's directory on this machine is.
umask 077
if [ -n "${GW_ROOT:-}" ]; then root=$GW_ROOT
elif [ "$(id -u)" = 0 ]; then root=/var/lib/gatewright
else root=$HOME/.gatewright
fi
export GATEWRIGHT_ROOT="$root"
