/**
 * Every command line that is ever sent to a machine. They are constants: whatever varies goes over stdin or in uploaded
 * files, so that no value meets a shell's parser.
 */
export const remoteCommands = {
  /** Runs the script that comes over stdin, in a shell that has read all of it before it begins. */
  script: `exec sh -c 'script=$(cat) && exec </dev/null && eval "$script"'`,
  /** As `script`, ended after a minute: a check that hangs must not be there when the next one comes. */
  check: `exec timeout -k 2 60 sh -c 'script=$(cat) && exec </dev/null && eval "$script"'`,
  /** As `script`; the first line of stdin is the script's `$argument`. */
  scriptWithArgument: `exec sh -c 'IFS= read -r argument && script=$(cat) && exec </dev/null && eval "$script"'`,
  /**
   * Runs the runner of the operation whose directory is the first line of stdin, in a session of its own: it goes on
   * when the connection is lost.
   */
  operation: `exec sh -c 'IFS= read -r operation && exec setsid -w sh "$operation/runner.sh" "$operation" </dev/null'`,
} as const;
export type RemoteCommand = keyof typeof remoteCommands;
