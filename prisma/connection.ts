import type { SqlDriverAdapter, SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils';

/** One driver adapter of a database for Prisma's client and for the statements that go past it. */
export class Connection implements SqlDriverAdapterFactory {
  readonly provider: SqlDriverAdapterFactory['provider'];
  readonly adapterName: string;
  private adapter: Promise<SqlDriverAdapter> | undefined;

  constructor(private readonly factory: SqlDriverAdapterFactory) {
    this.provider = factory.provider;
    this.adapterName = factory.adapterName;
  }

  /** The adapter; a failure to make it is not kept. */
  connect(): Promise<SqlDriverAdapter> {
    return (this.adapter ??= this.factory.connect().then(endingOnce, (error: unknown) => {
      this.adapter = undefined;
      throw error;
    }));
  }

  /** Ends the adapter, if there is one. */
  async close(): Promise<void> {
    const adapter = await this.adapter?.catch(() => undefined);
    await adapter?.dispose();
  }
}

/** Prisma's client ends the adapter as well, where it has used it. */
function endingOnce(adapter: SqlDriverAdapter): SqlDriverAdapter {
  const dispose = adapter.dispose.bind(adapter);
  let ended: Promise<void> | undefined;
  adapter.dispose = () => (ended ??= dispose());
  return adapter;
}
