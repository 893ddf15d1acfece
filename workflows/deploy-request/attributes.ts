import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import { upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { DeploymentState } from '../../domain/deploy/states';
import { searchAttributes } from '../../domain/gateway/contract';

const keys = {
  database: defineSearchAttributeKey('DeployDatabase', searchAttributes.DeployDatabase),
  branch: defineSearchAttributeKey('DeployBranch', searchAttributes.DeployBranch),
  number: defineSearchAttributeKey('DeployNumber', searchAttributes.DeployNumber),
  state: defineSearchAttributeKey('DeployState', searchAttributes.DeployState),
};

/** What a deploy request is, for Temporal's visibility. */
export interface Identified {
  readonly database: string;
  readonly branch: string;
  readonly number: number;
}

/** What a request, and everything that is done for it, is found by. */
export function requestAttributes({ database, branch, number }: Identified): SearchAttributePair[] {
  return [
    { key: keys.database, value: database },
    { key: keys.branch, value: branch },
    { key: keys.number, value: number },
  ];
}

/** Makes a request findable by what it is about; what it already says is not written again. */
export function publishRequest(identified: Identified): void {
  const known = workflowInfo().typedSearchAttributes;
  if (known.get(keys.database) === identified.database) return;
  upsertSearchAttributes(requestAttributes(identified));
}

/** Makes a request findable by its state. */
export function publishDeploymentState(state: DeploymentState): void {
  if (workflowInfo().typedSearchAttributes.get(keys.state) === state) return;
  upsertSearchAttributes([{ key: keys.state, value: state }]);
}
