import { Prisma } from './generated/sqlite/client';
import type { Statements } from './statements';

/** The statements that compare-and-swap is made of, on the rows of one model. */
export interface Table<Row> {
  findFirst(args: { where: object }): Promise<Row | null>;
  create(args: { data: object }): Promise<Row>;
  updateManyAndReturn(args: { where: object; data: object }): Promise<Row[]>;
  deleteMany(args: { where: object }): Promise<{ count: number }>;
}

/**
 * A model's table by {@link Statements}, for conditions that are equalities. Tables and columns are named after models
 * and members in snake_case (`models.prisma`); values are parameters.
 */
export function table<Row>(statements: Statements, model: string): Table<Row> {
  const name = column(model);
  return {
    async findFirst({ where }) {
      const [row] = await statements.rows<Row>(Prisma.sql`SELECT * FROM ${name} WHERE ${all(where)} LIMIT 1`);
      return row ?? null;
    },

    async create({ data }) {
      const given = entries(data);
      const columns = Prisma.join(given.map(([member]) => column(member)));
      const values = Prisma.join(given.map(([, value]) => value));
      const [row] = await statements.rows<Row>(
        Prisma.sql`INSERT INTO ${name} (${columns}) VALUES (${values}) RETURNING *`,
      );
      return row!;
    },

    async updateManyAndReturn({ where, data }) {
      const changes = Prisma.join(entries(data).map(([member, value]) => assignment(column(member), value)));
      return await statements.rows<Row>(Prisma.sql`UPDATE ${name} SET ${changes} WHERE ${all(where)} RETURNING *`);
    },

    async deleteMany({ where }) {
      return { count: await statements.change(Prisma.sql`DELETE FROM ${name} WHERE ${all(where)}`) };
    },
  };
}

const columns = new Map<string, Prisma.Sql>();

/** @throws Error for what is no member's name: it would become part of the statement. */
function column(member: string): Prisma.Sql {
  let sql = columns.get(member);
  if (!sql) {
    if (!/^[a-z][A-Za-z0-9]*$/.test(member)) throw new Error(`${member} is not a member of a model`);
    sql = Prisma.raw(`"${member.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}"`);
    columns.set(member, sql);
  }
  return sql;
}

function entries(values: object): [string, unknown][] {
  return Object.entries(values).filter(([, value]) => value !== undefined);
}

function all(where: object): Prisma.Sql {
  const conditions = entries(where).map(([member, value]) =>
    value === null ? Prisma.sql`${column(member)} IS NULL` : Prisma.sql`${column(member)} = ${value}`,
  );
  return Prisma.join(conditions, ' AND ');
}

/** A value, or `{ increment: n }` as in Prisma's client. */
function assignment(name: Prisma.Sql, value: unknown): Prisma.Sql {
  const by = (value as { increment?: number } | null)?.increment;
  return by === undefined ? Prisma.sql`${name} = ${value}` : Prisma.sql`${name} = ${name} + ${by}`;
}
