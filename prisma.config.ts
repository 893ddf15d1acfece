import { defineConfig } from 'prisma/config';

const url = process.env['DATABASE_URL'] ?? 'file:.gatewright/gatewright.db';
const provider = url.startsWith('file:') ? 'sqlite' : 'postgresql';

/** For Prisma's own commands, as in `DATABASE_URL=postgresql://... npx prisma migrate deploy`. */
export default defineConfig({
  schema: `prisma/${provider}/schema.prisma`,
  migrations: { path: `prisma/${provider}/migrations` },
  datasource: { url },
});
