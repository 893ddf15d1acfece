import { plainText } from '../../domain/plain-text';
import { uuid } from '../schemas';
import { z } from '../zod';
import { ApplyVerb } from './verbs';

/* What people send about rollouts: parts of addresses, and bodies. */

/** The name of a database in a path. */
export const databaseName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be the name of a database')
  .openapi({ example: 'shop' });

/** An apply in a path: its id, or its number, which is that of its deploy request. */
export const applyKey = z
  .string()
  .regex(/^([1-9][0-9]{0,8}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/, 'must be the id or the number of an apply')
  .openapi({ example: '7' });

/** Why somebody does something out of the ordinary; shown to others as it is. */
export const reason = z
  .string()
  .min(1)
  .max(1_000)
  .refine((text) => text.trim() !== '' && plainText(text) === text, 'must be words in one line');

/** The name of a deployment or of an environment. */
export const placeName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'must be 1 to 63 lower-case letters, digits, points, hyphens and underscores')
  .openapi({ example: 'eu-1' });

/** How people set rollouts of a database; what is left out stays as it is. */
export const rolloutSettingsBody = z
  .strictObject({
    environments: z
      .array(placeName)
      .max(100)
      .refine((names) => new Set(names).size === names.length, 'names an environment twice')
      .optional()
      .openapi({ description: 'The first to be changed first; none where they are not kept apart.' }),
    on_failure: z.enum(['halt', 'continue', 'pause']).optional(),
    cutover: z.enum(['sequential', 'barrier']).optional().openapi({
      description: 'Whether each deployment goes live before the next begins, or all are made ready first.',
    }),
    copies: z.int().min(1).max(1_000).optional().openapi({ description: 'How many copy at once under a barrier.' }),
    revert_together: z.boolean().optional(),
  })
  .openapi('RolloutSettingsBody');
export type RolloutSettingsBody = z.infer<typeof rolloutSettingsBody>;

const none = z.strictObject({}).optional();

/** Bodies of what is done with an apply, by the last word of the route. */
export const verbBodies = {
  [ApplyVerb.stop]: none,
  [ApplyVerb.start]: none,
  [ApplyVerb.pause]: none,
  [ApplyVerb.release]: none,
  [ApplyVerb.cutover]: z
    .strictObject({
      force: z.boolean().optional().openapi({ description: 'Ends whatever is in the way of its locks.' }),
    })
    .optional(),
  [ApplyVerb.cancel]: none,
  [ApplyVerb.revert]: z
    .strictObject({
      accept_losses: z.boolean().optional().openapi({ description: 'Whether what a revert loses is accepted.' }),
    })
    .optional(),
  [ApplyVerb.skipRevert]: none,
  [ApplyVerb.volume]: z.strictObject({
    volume: z.int().min(1).max(11).openapi({ description: '1 is slowest, 11 is full speed.' }),
  }),
  [ApplyVerb.override]: z.strictObject({ environment: placeName, reason }),
  [ApplyVerb.retry]: z.strictObject({ operation_id: uuid.optional() }).optional(),
} as const;

/** What is planned: a request that is open, or what one would be of. */
export const planBody = z
  .union([
    z.strictObject({ deploy_request: z.int().min(1).max(999_999_999) }),
    z.strictObject({ branch: z.string().max(255), into_branch: z.string().max(255).optional() }),
  ])
  .openapi('ApplyPlanBody');

export const newDeploymentBody = z
  .strictObject({
    name: placeName,
    environment: placeName,
    server: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, 'must be the name of a secret'),
    schema: z.string().regex(/^[A-Za-z0-9_$-]{1,63}$/, 'must be the name of a schema'),
  })
  .openapi('NewDeployment');

export const deploymentChangeBody = z
  .strictObject({
    name: placeName.optional(),
    environment: placeName.optional(),
    position: z.int().min(0).max(100_000).optional(),
  })
  .openapi('DeploymentChange');

/** Names of deployments; none means all of them. */
const deployments = z.array(placeName).max(1_000);

export const lockBody = z
  .strictObject({
    deployments: deployments.optional(),
    force: z.boolean().optional().openapi({ description: 'Takes it from whoever has it; for the scope admin.' }),
    reason: reason.optional().openapi({ description: 'For `force`.' }),
  })
  .openapi('SchemaLockBody');
