import type { SchemaChange } from '../../../domain/schema/change';
import type { LintCode, LintMessage } from '../../../domain/schema/lint-codes';
import { tableOf } from '../../../domain/schema/model';
import { same } from '../../../domain/schema/table-change';
import { mayEverywhere, mayHere, rightsOf, type Rights } from './rights';
import { text } from './rows';
import type { Session } from './session';

/** What the engine's account needs in the schema that it changes; docs/schema-changes.md lists it too. */
export const neededHere = [
  ...['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'DROP', 'ALTER', 'INDEX', 'REFERENCES'],
  ...['TRIGGER', 'LOCK TABLES', 'CREATE TEMPORARY TABLES'],
] as const;

/** What the server and the account tell, whatever the rows are. */
export async function lintServer(session: Session, change: SchemaChange): Promise<LintMessage[]> {
  const rights = await rightsOf(session);
  return [...(await lintSettings(session, rights)), ...lintRights(rights, change)];
}

async function lintSettings(session: Session, rights: Rights): Promise<LintMessage[]> {
  const [set] = await session.query(
    `SELECT @@global.log_bin AS log_bin, @@global.binlog_format AS binlog_format, @@global.read_only AS read_only,
       @@global.log_bin_trust_function_creators AS trusted, @@global.innodb_read_only AS innodb_read_only,
       @@global.lower_case_table_names AS lower_case_table_names`,
  );
  const on = (setting: string): boolean => /^(1|ON)$/i.test(text(set![setting]));
  const say = (setting: string, sentence: string): LintMessage => message('SERVER_SETTING', setting, sentence);
  return [
    ...(on('log_bin') && text(set!.binlog_format) === 'STATEMENT'
      ? [say('binlog_format', 'binlog_format is STATEMENT: what triggers write is not safe in it; set MIXED or ROW')]
      : []),
    ...(on('log_bin') && !on('trusted') && !mayEverywhere(rights, 'SUPER')
      ? [
          say(
            'log_bin_trust_function_creators',
            'log_bin_trust_function_creators is OFF: with a binary log, only SUPER may then make triggers; set it to ON',
          ),
        ]
      : []),
    ...['read_only', 'innodb_read_only']
      .filter(on)
      .map((setting) => say(setting, `${setting} is ON: nothing can be changed here`)),
    ...(await lintReplica(session)),
  ];
}

/** What comes by row events fires no triggers (facts: read, not measured). */
async function lintReplica(session: Session): Promise<LintMessage[]> {
  const threads = await session.query(
    "SELECT 1 FROM information_schema.processlist WHERE user = 'system user' AND command LIKE 'Slave%' LIMIT 1",
  );
  return threads.length === 0
    ? []
    : [
        message(
          'SERVER_SETTING',
          'replica',
          'the server is a replica: changes of rows that reach it fire no triggers; change its primary',
        ),
      ];
}

function lintRights(rights: Rights, change: SchemaChange): LintMessage[] {
  const { from, to } = change;
  const views = !same(from.views, to.views);
  const routines = !same(from.routines, to.routines);
  const here = [
    ...neededHere,
    ...(views ? ['CREATE VIEW', 'SHOW VIEW'] : []),
    ...(routines ? ['CREATE ROUTINE', 'ALTER ROUTINE', 'EXECUTE'] : []),
  ];
  return [
    ...here
      .filter((right) => !mayHere(rights, right))
      .map((right) => lacking(rights, right, `lacks ${right} in this schema`)),
    ...(mayEverywhere(rights, 'PROCESS')
      ? []
      : [lacking(rights, 'PROCESS', 'lacks PROCESS, by which it sees who holds what it waits for')]),
    ...foreignTriggers(change, rights).map((trigger) =>
      lacking(rights, trigger, `lacks SET USER, which it needs to make trigger ${trigger} of another account again`),
    ),
  ];
}

/** Users' triggers that would be made again for an account that is not this one. */
function foreignTriggers({ from, to }: SchemaChange, rights: Rights): string[] {
  if (mayEverywhere(rights, 'SET USER', 'SUPER')) return [];
  const touched = [...from.tables, ...to.tables].filter(({ name }) => !same(tableOf(from, name), tableOf(to, name)));
  const triggers = touched.flatMap((table) => table.triggers);
  return [...new Set(triggers.filter(({ context }) => context?.definer !== rights.account).map(({ name }) => name))];
}

function lacking({ account }: Rights, subject: string, sentence: string): LintMessage {
  return message('RIGHTS_MISSING', subject, `the account ${account} ${sentence}`);
}

function message(code: LintCode, subject: string, sentence: string): LintMessage {
  return { code, table: null, column: null, subject, message: sentence, rows: null };
}
