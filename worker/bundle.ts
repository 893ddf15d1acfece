import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BundleOptions, WorkerOptions } from '@temporalio/worker';

/** Where the build puts the bundled workflow code, beside the compiled workflows; tests from the sources name it. */
export const bundleFile = process.env.GATEWRIGHT_WORKFLOW_BUNDLE ?? join(__dirname, '..', 'workflow-bundle.js');

/** What is bundled: the workflow types and the interceptor that names the step of each activity. */
export const bundleOptions: Pick<BundleOptions, 'workflowsPath' | 'workflowInterceptorModules'> = {
  workflowsPath: join(__dirname, '..', 'workflows', 'index'),
  workflowInterceptorModules: [join(__dirname, '..', 'workflows', 'saga', 'interceptors')],
};

/** The workflow code of a worker: the bundle of the build, or bundled now where there is none (tests from sources). */
export function workflowCode(): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath' | 'interceptors'> {
  if (existsSync(bundleFile)) return { workflowBundle: { codePath: bundleFile } };
  return {
    workflowsPath: require.resolve(bundleOptions.workflowsPath),
    interceptors: {
      workflowModules: bundleOptions.workflowInterceptorModules!.map((module) => require.resolve(module)),
    },
  };
}
