import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BundleOptions, WorkerOptions } from '@temporalio/worker';

/** Where the build puts the bundled workflow code, beside the compiled workflows; tests from the sources name it. */
export const bundleFile = process.env.GATEWRIGHT_WORKFLOW_BUNDLE ?? join(__dirname, '..', 'workflow-bundle.js');

const workflowsPath = join(__dirname, '..', 'workflows', 'index');
const interceptorsPath = join(__dirname, '..', 'workflows', 'saga', 'interceptors');

/**
 * What is bundled: the workflow types and the interceptor that names the step of each activity. All of it is loaded once
 * for all runs of a worker, not once for each, so its modules keep nothing of a run in their scope. (Their one
 * AsyncLocalStorage would otherwise be one for each run in memory, and Node.js asks every one of them at every promise.)
 */
export const bundleOptions: Required<
  Pick<BundleOptions, 'workflowsPath' | 'workflowInterceptorModules' | 'preloadModules'>
> = {
  workflowsPath,
  workflowInterceptorModules: [interceptorsPath],
  preloadModules: [join(__dirname, '..', 'workflows', 'saga', 'stack-traces'), workflowsPath, interceptorsPath],
};

/** The workflow code of a worker: the bundle of the build, or bundled now where there is none (tests from sources). */
export function workflowCode(): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath' | 'interceptors'> {
  if (existsSync(bundleFile)) return { workflowBundle: { codePath: bundleFile } };
  return {
    workflowsPath: require.resolve(bundleOptions.workflowsPath),
    interceptors: {
      workflowModules: bundleOptions.workflowInterceptorModules.map((module) => require.resolve(module)),
    },
  };
}
