import type { DdlWriter } from '../ddl';
import { noStatements, type Statements } from '../statements';
import type { Routine, Sequence, View } from '../model';
import { same, type Change } from '../table-change';
import { alterTable, inTheWay } from './alter';
import { changedComment, commentOn, sequenceOptions } from './parts';
import { name } from './quote';
import { addForeignKeys, createTable, dropForeignKeys, dropTable } from './table-ddl';
import { alterDomain, alterEnum, createDomain, createEnum, isOfType, remakes } from './type-ddl';
import { widens } from './types';

/** Statements for PostgreSQL, for sessions whose search_path is the schema. */
export const postgresDdl: DdlWriter = {
  createTable,
  dropTable,
  alterTable,
  addForeignKeys,
  dropForeignKeys,
  createView,
  dropView: (view) => main(`DROP ${view.materialized ? 'MATERIALIZED VIEW' : 'VIEW'} ${name(view.name)}`),
  createRoutine: (routine) =>
    main(routine.definition, ...commentOn(`${routine.kind.toUpperCase()} ${signature(routine)}`, routine.comment)),
  dropRoutine: (routine) => main(`DROP ${routine.kind.toUpperCase()} ${signature(routine)}`),
  createSequence,
  dropSequence: ({ name: own, ownedBy }) => ({
    ...noStatements,
    // An owned one goes with its column.
    main: ownedBy === null ? [`DROP SEQUENCE ${name(own)}`] : [`DROP SEQUENCE IF EXISTS ${name(own)}`],
  }),
  createEnum: (type) => main(...createEnum(type)),
  dropEnum: ({ name: own }) => main(`DROP TYPE ${name(own)}`),
  createDomain: (type) => main(...createDomain(type)),
  dropDomain: ({ name: own }) => main(`DROP DOMAIN ${name(own)}`),
  alterEnum: (change, tables) => main(...alterEnum(change, tables)),
  alterDomain: (change, tables) => main(...alterDomain(change, tables)),
  remakes,
  isOfType,
  alterRoutine,
  alterSequence,
  widens,
  viewsBind: true,
  inTheWay,
};

function main(...statements: string[]): Statements {
  return { ...noStatements, main: statements };
}

/** `"name"(arguments)` of a routine that is known as `name(arguments)`. */
function signature({ name: own }: Pick<Routine, 'name'>): string {
  const at = own.indexOf('(');
  return `${name(own.slice(0, at))}${own.slice(at)}`;
}

function createView({ name: own, materialized, query, columns, options, comment }: View): Statements {
  const kind = materialized ? 'MATERIALIZED VIEW' : 'VIEW';
  const set = options.length > 0 ? ` WITH (${options.join(', ')})` : '';
  return main(
    `CREATE ${kind} ${name(own)} (${columns.map(name).join(', ')})${set} AS ${query}`,
    ...commentOn(`${kind} ${name(own)}`, comment),
  );
}

function createSequence({ name: own, options, ownedBy, comment }: Sequence): Statements {
  return {
    ...main(
      `CREATE SEQUENCE ${name(own)} AS ${options.type} ${sequenceOptions(options)}`,
      ...commentOn(`SEQUENCE ${name(own)}`, comment),
    ),
    last:
      ownedBy === null ? [] : [`ALTER SEQUENCE ${name(own)} OWNED BY ${name(ownedBy.table)}.${name(ownedBy.column)}`],
  };
}

function alterSequence({ from, to }: Change<Sequence>): Statements {
  const { options, ownedBy } = to;
  const owner = ownedBy === null ? 'NONE' : `${name(ownedBy.table)}.${name(ownedBy.column)}`;
  return {
    first: from.ownedBy !== null && ownedBy === null ? [`ALTER SEQUENCE ${name(to.name)} OWNED BY NONE`] : [],
    main: [
      ...(same(from.options, options)
        ? []
        : [`ALTER SEQUENCE ${name(to.name)} AS ${options.type} ${sequenceOptions(options)}`]),
      ...changedComment(`SEQUENCE ${name(to.name)}`, from.comment, to.comment),
    ],
    last: same(from.ownedBy, ownedBy) ? [] : [`ALTER SEQUENCE ${name(to.name)} OWNED BY ${owner}`],
  };
}

/** In place as long as what it returns is the same, which the server checks. */
function alterRoutine({ from, to }: Change<Routine>): Statements | null {
  const returns = ({ definition }: Routine): string => definition.split(/\n (?=LANGUAGE )/)[0]!;
  if (returns(from) !== returns(to) || from.kind !== to.kind) return null;
  return main(to.definition, ...changedComment(`${to.kind.toUpperCase()} ${signature(to)}`, from.comment, to.comment));
}
