import { failureView } from '../schemas';
import { z } from '../zod';
import { gateSchema, rolloutSettingsSchema } from './schemas';

const lint = z
  .object({
    code: z.string(),
    severity: z.enum(['error', 'warning']),
    table: z.string().nullable(),
    column: z.string().nullable(),
    message: z.string(),
  })
  .openapi('PlanLint');

export const applyPlanSchema = z
  .object({
    branch: z.string(),
    into_branch: z.string(),
    deployable: z
      .boolean()
      .openapi({ description: 'Whether there is something to do, and nothing against it anywhere.' }),
    settings: rolloutSettingsSchema,
    diff: z.array(z.object({ name: z.string(), raw: z.string() })),
    deployments: z.array(
      z
        .object({
          deployment_id: z.string(),
          deployment: z.string(),
          environment: z.string(),
          position: z.int(),
          gate: gateSchema,
          error: failureView.nullable().openapi({ description: 'Why nothing could be planned there.' }),
          drift: z.array(z.string()).openapi({ description: 'How its schema differs from that of the first.' }),
          instant_eligible: z.boolean(),
          bytes_needed: z.number(),
          operations: z.array(
            z.object({
              table: z.string(),
              kind: z.string(),
              ddl: z.string(),
              way: z.string(),
              because: z.string(),
              can_drop_data: z.boolean(),
            }),
          ),
          lint: z.array(lint),
        })
        .openapi('DeploymentPlan'),
    ),
  })
  .openapi('ApplyPlan');
