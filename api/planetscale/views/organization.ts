import type { Caller } from '../../access';

const EPOCH = new Date(0).toISOString();

/** An organization: its id is its name. What nobody here knows of it has an answer that harms no client. */
export function organizationView(organizationId: string, databases: number): Record<string, unknown> {
  return {
    id: organizationId,
    name: organizationId,
    billing_email: '',
    created_at: EPOCH,
    updated_at: EPOCH,
    plan: 'gatewright',
    valid_billing_info: true,
    sso: false,
    sso_directory: false,
    single_tenancy: false,
    managed_tenancy: false,
    has_past_due_invoices: false,
    database_count: databases,
    sso_portal_url: null,
    features: {},
    idp_managed_roles: false,
    invoice_budget_amount: '0',
    keyspace_shard_limit: 1,
    has_card: false,
    payment_info_required: false,
  };
}

/** The user that a token is. */
export function userView(caller: Caller): Record<string, unknown> {
  return {
    id: caller.id,
    display_name: caller.name,
    name: caller.name,
    email: '',
    avatar_url: '',
    created_at: EPOCH,
    updated_at: EPOCH,
    two_factor_auth_configured: false,
    default_organization:
      caller.boundTo === null
        ? null
        : { id: caller.boundTo, name: caller.boundTo, created_at: EPOCH, updated_at: EPOCH, deleted_at: null },
    sso: false,
    managed: false,
    directory_managed: false,
    email_verified: false,
  };
}
