import { cancellationSignal } from '@temporalio/activity';
import type { BranchRef } from '../../domain/deploy/contract';
import { Failure } from '../../domain/failures';
import { inOrder } from '../../domain/schema/statements';
import { diff } from '../../domain/schema/diff';
import type { SchemaModel } from '../../domain/schema/model';
import { mysqlDdl } from '../../domain/schema/mysql/ddl';
import { postgresDdl } from '../../domain/schema/postgresql/ddl';
import type { DeployPorts } from '../deploy/ports';
import { expected } from '../deploy/work';
import type { DatabaseActivities } from './activities';
import { branchOf, databaseOf, owned } from './lookup';

/** Making the schemas of branches, and dropping them. */
export function shapeSteps(ports: DeployPorts): Pick<DatabaseActivities, 'makeSchema' | 'dropSchema' | 'shape'> {
  const { branches } = ports.deploys;

  const parentModel = async (ref: BranchRef, name: string | null): Promise<SchemaModel | null> => {
    if (name === null) return null;
    const database = await databaseOf(ports, ref);
    const parent = await branches.named(ref.organizationId, ref.databaseId, name);
    if (!parent) throw new Failure('NOT_FOUND', `there is no branch ${name}`);
    const engine = await ports.engine(database, parent.schema);
    return await engine.introspect(cancellationSignal());
  };

  return {
    async makeSchema(ref) {
      const [database, branch] = [await databaseOf(ports, ref), await branchOf(ports, ref)];
      const host = await ports.host(database);
      await expected(async () => {
        if (!branch.adopted) {
          const like = await parentModel(ref, branch.parent);
          await host.createSchema(owned(branch), like?.defaults);
        } else if (!(await host.hasSchema(branch.schema)))
          throw new Failure('NOT_FOUND', `there is no schema ${branch.schema} on the server`);
      });
    },

    async dropSchema(ref) {
      const branch = await branches.get(ref.organizationId, ref.databaseId, ref.branchId);
      if (!branch || branch.adopted) return;
      const host = await ports.host(await databaseOf(ports, ref));
      await expected(async () => await host.dropSchema(owned(branch)));
    },

    async shape(ref) {
      const [database, branch] = [await databaseOf(ports, ref), await branchOf(ports, ref)];
      const engine = await ports.engine(database, branch.schema);
      await expected(async () => {
        const model = await parentModel(ref, branch.parent);
        if (model === null) {
          // Its form can be read, so that the account can do what it is wanted for.
          await engine.introspect(cancellationSignal());
          return;
        }
        const host = await ports.host(database);
        // An attempt before this one may have made a part of it.
        await host.dropSchema(owned(branch));
        await host.createSchema(owned(branch), model.defaults);
        await host.run(branch.schema, statementsOf(model));
        checkSame(model, await engine.introspect(cancellationSignal()));
        await branches.setBase(ref.organizationId, ref.databaseId, ref.branchId, JSON.stringify(model));
      });
    },
  };
}

function statementsOf(model: SchemaModel): string[] {
  return inOrder(diff({ from: emptied(model), to: model, renames: [] }, writer(model)));
}

/** @throws Failure INTERNAL when a branch is not what its parent is. */
function checkSame(parent: SchemaModel, branch: SchemaModel): void {
  const differing = diff({ from: branch, to: parent, renames: [] }, writer(parent));
  if (differing.length === 0) return;
  const names = differing.map(({ object, name }) => `${object} ${name}`).join(', ');
  throw new Failure('INTERNAL', `the branch could not be made like its parent: ${names} would differ`, {
    retryable: false,
  });
}

/** What writes the statements of a schema's server. */
export function writer({ dialect }: SchemaModel): typeof mysqlDdl {
  return dialect === 'postgresql' ? postgresDdl : mysqlDdl;
}

/** A schema of the same kind with nothing in it. */
function emptied(model: SchemaModel): SchemaModel {
  return { ...model, tables: [], views: [], routines: [], sequences: [], enums: [], domains: [] };
}
