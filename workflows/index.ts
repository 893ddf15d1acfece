import { createBranch, createDatabase } from './database/create';
import { deleteBranch, deleteDatabase } from './database/delete';
import { inspectDatabase } from './database/inspect';
import { branchPassword } from './database/password';
import { deployRequest } from './deploy-request/lifecycle';
import { deployOperation } from './deploy-request/operation';
import { deployQueue } from './deploy-request/queue';
import { gatewayLife } from './fleet/gateway';
import { provisionReplica } from './fleet/provision';
import { replicaLife } from './fleet/replica';
import { retireReplica } from './fleet/retire';
import { rolloutProfile } from './fleet/rollout';
import { sweepFleet } from './fleet/sweep';
import { moveGateway } from './gateway/move';
import { startGateway } from './gateway/start';
import { stopGateway } from './gateway/stop';

/** The workflow types, as they are named in Temporal. The one module that the bundler starts from. */
export {
  startGateway as 'gateway.start',
  stopGateway as 'gateway.stop',
  moveGateway as 'gateway.move',
  gatewayLife as 'fleet.gateway',
  replicaLife as 'fleet.replica',
  provisionReplica as 'fleet.provision',
  retireReplica as 'fleet.retire',
  rolloutProfile as 'fleet.rollout',
  sweepFleet as 'fleet.sweep',
  deployRequest as 'deploy.request',
  deployOperation as 'deploy.operation',
  deployQueue as 'deploy.queue',
  createDatabase as 'database.create',
  deleteDatabase as 'database.delete',
  createBranch as 'branch.create',
  deleteBranch as 'branch.delete',
  branchPassword as 'branch.password',
  inspectDatabase as 'database.inspect',
};
