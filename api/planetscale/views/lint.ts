import type { ObjectText } from '../../../domain/deploy/contract';
import { lintCodes, type LintMessage } from '../../../domain/schema/lint-codes';
import { preformatted } from './shared';

/** Whether a message keeps a change from being made. */
export function isError({ code }: LintMessage): boolean {
  return lintCodes[code].severity === 'error';
}

/** A message as PlanetScale's clients read it; the last members are ours. */
export function lintView({ code, table, column, subject, message, rows }: LintMessage, keyspace: string): object {
  return {
    lint_error: code,
    subject_type: 'table',
    keyspace_name: keyspace,
    table_name: table ?? '',
    error_description: `${message}. ${lintCodes[code].remedy}`,
    docs_url: '',
    column_name: column ?? '',
    foreign_key_column_names: code.startsWith('FOREIGN_KEY') && column !== null ? [column] : [],
    auto_increment_column_names: [],
    charset_name: '',
    engine_name: '',
    vindex_name: '',
    json_path: '',
    check_constraint_name: code === 'CHECK_VIOLATED' ? (subject ?? '') : '',
    enum_value: '',
    partitioning_type: '',
    partition_name: '',
    severity: lintCodes[code].severity,
    rows: rows?.count ?? null,
    example: rows?.example ?? null,
  };
}

/** A schema or a difference, an object at a time. */
export function textsView(texts: readonly ObjectText[]): object {
  return { data: texts.map(({ name, text }) => ({ name, raw: text, html: preformatted(text) })) };
}
