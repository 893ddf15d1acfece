# The agent is one file of JavaScript.
command -v node >/dev/null || {
  echo 'node is not installed: the gateway agent needs node 18 or later in PATH'
  exit 69
}
version=$(node --version) || exit 69
major=${version#v}
major=${major%%.*}
[ "$major" -ge 18 ] || {
  echo "node is $version: the gateway agent needs node 18 or later"
  exit 69
}
echo "node is $version"
