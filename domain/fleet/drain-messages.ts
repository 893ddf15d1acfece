/** What events and runs say of an allocation on a replica that is to go. */
export const drainText = {
  moved: (allocationId: string, replica: string, run: string) =>
    `Allocation ${allocationId} moved to replica ${replica} (run ${run})`,
  stays: (allocationId: string, why: string, run: string) =>
    `Allocation ${allocationId} cannot be moved and is waited for: ${why} (run ${run})`,
} as const;
