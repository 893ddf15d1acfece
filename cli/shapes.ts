import type { z } from 'zod';
import type { allocationSchema, edgeSchema, replicaSchema, runDetailSchema, runSchema } from '../api/schemas';
import type { PlannedStep } from '../domain/planned-step';
import type { FailureView, Resolution, SagaState, StepState } from '../domain/saga';
import type { WebhookEvent } from '../domain/webhook-event';

/* What the API answers with, as its routes declare it. */

export type RunJson = z.infer<typeof runSchema>;
export type RunDetailJson = z.infer<typeof runDetailSchema>;
export type StepJson = RunDetailJson['steps'][number];
export type PhaseJson = StepJson['do'];
export type AllocationJson = z.infer<typeof allocationSchema>;
export type ReplicaJson = z.infer<typeof replicaSchema>;
export type EdgeJson = z.infer<typeof edgeSchema>;

/** A page of a list. */
export interface Page {
  readonly next_page_token: string | null;
}

/** Answer of a start or stop that ended well. */
export interface GatewayJson {
  readonly gateway_hostname: string;
  readonly organization_id: string;
  readonly allocation_id: string;
  readonly run_id: string;
  readonly state: 'live' | 'released';
  /** Of a start. */
  readonly replica_id?: string;
  readonly epoch?: number;
}

/** Answer 202 of a start or stop. */
export interface AcceptedJson {
  readonly run_id: string;
  readonly allocation_id: string;
  readonly organization_id: string;
  readonly state: 'running';
}

/** Answer of a start with `validateOnly`. */
export interface PlanJson {
  readonly kind: string;
  readonly organization_id: string;
  readonly gateway_hostname: string;
  readonly validate_only: true;
  readonly steps: readonly Omit<PlannedStep, 'leftBehind'>[];
}

/** A stuck step that waits for a person. */
export interface AttentionJson {
  readonly run_id: string;
  readonly kind: string;
  readonly organization_id: string;
  readonly step: string;
  readonly since: string;
  readonly severity: 'warning' | 'critical';
  readonly why: FailureView;
  readonly what_to_do: string;
  readonly skip_leaves: string | null;
  readonly allowed: readonly ('retry' | 'skip')[];
  readonly resolve: string;
}

/** A run as it stands after a person's decision. */
export interface LiveRunJson {
  readonly id: string;
  readonly kind: string;
  readonly state: SagaState;
  readonly steps: readonly {
    readonly name: string;
    readonly state: StepState;
    readonly undo_error: FailureView | null;
    readonly resolutions: readonly Resolution[];
  }[];
}

export interface TokenJson {
  readonly id: string;
  readonly name: string;
  readonly scope: 'read' | 'operate' | 'admin';
  readonly organization_id: string | null;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
  readonly last_used_at: string | null;
}

/** A token at the one moment when its text is known. */
export interface MintedTokenJson extends TokenJson {
  readonly token: string;
}

export interface WebhookJson {
  readonly id: string;
  readonly url: string;
  readonly events: readonly WebhookEvent[];
  readonly organization_id: string | null;
  readonly created_at: string;
  readonly disabled_at: string | null;
}

export interface DeliveryJson {
  readonly id: string;
  readonly event: WebhookEvent;
  readonly run_id: string;
  readonly state: 'pending' | 'delivered' | 'failed';
  readonly attempts: number;
  readonly next_attempt_at: string | null;
  readonly last_status: number | null;
  readonly last_error: string | null;
  readonly created_at: string;
  readonly payload: unknown;
}
