import { OpenApiGeneratorV31, OpenAPIRegistry, type RouteConfig } from '@asteasolutions/zod-to-openapi';
import { failures, type FailureCode } from '../domain/failures';
import { problemType } from './problem';
import type { RouteDeclaration } from './route';
import { problemSchema } from './schemas';

export type OpenApiDocument = ReturnType<OpenApiGeneratorV31['generateDocument']>;

/** The OpenAPI 3.1 document of routes. */
export function documentOf(declarations: readonly RouteDeclaration[]): OpenApiDocument {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    description:
      '`Authorization: Bearer gw_<id>_<secret>`; scopes are read, operate and admin, each including the ones before it.',
  });
  registry.registerComponent('securitySchemes', 'pair', {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: '`Authorization: <id>:<secret>`, the same token without a scheme word.',
  });
  registry.registerComponent('securitySchemes', 'replica', {
    type: 'http',
    scheme: 'bearer',
    description: '`Authorization: Bearer <secret>` of a gateway replica.',
  });
  for (const declaration of declarations) registry.registerPath(operation(declaration));
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Gatewright',
      version: '1',
      description: 'Starts and stops gateways as durable runs whose every step knows how to undo itself.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
  });
}

function operation(declaration: RouteDeclaration): RouteConfig {
  const { method, path, operationId, tag, summary, description, access, params, query, headers, body } = declaration;
  return {
    method,
    path,
    operationId,
    tags: [tag],
    summary,
    ...(description && { description }),
    ...security(access),
    request: {
      ...(params && { params }),
      ...(query && { query }),
      ...(headers && { headers }),
      ...(body && {
        body: { required: !body.safeParse(undefined).success, content: { 'application/json': { schema: body } } },
      }),
    },
    responses: { ...answers(declaration), ...problems(declaration) },
  };
}

function security(access: RouteDeclaration['access']): Partial<RouteConfig> {
  if (access.kind === 'open') return { security: [] };
  if (access.kind === 'replica') return { security: [{ replica: [] }] };
  return {
    security: [{ token: [] }, { pair: [] }],
    'x-scope': access.kind,
    'x-every-organization': access.everyOrganization,
  } as Partial<RouteConfig>;
}

function answers({ answers }: RouteDeclaration): RouteConfig['responses'] {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, schema, contentType, headers }]) => [
      status,
      {
        description,
        ...(schema && { content: { [contentType ?? 'application/json']: { schema } } }),
        ...(Number(status) >= 400 && { content: { [problemType]: { schema: problemSchema } } }),
        ...(headers && {
          headers: Object.fromEntries(
            Object.entries(headers).map(([name, text]) => [
              name,
              { description: text, schema: { type: 'string' as const } },
            ]),
          ),
        }),
      },
    ]),
  );
}

/** One answer per status: the codes that share it are listed. */
function problems(declaration: RouteDeclaration): RouteConfig['responses'] {
  const { access, params, body, answers } = declaration;
  const codes = new Set<FailureCode>(['INVALID_INPUT', 'INTERNAL', ...declaration.failures]);
  if (access.kind !== 'open') codes.add('UNAUTHENTICATED').add('RATE_LIMITED').add('STORE_UNAVAILABLE');
  if (access.kind !== 'open' && access.kind !== 'read') codes.add('FORBIDDEN');
  if (access.everyOrganization) codes.add('FORBIDDEN');
  if (params) codes.add('NOT_FOUND');
  if (body) codes.add('PAYLOAD_TOO_LARGE').add('UNSUPPORTED_MEDIA_TYPE');
  const byStatus = new Map<number, FailureCode[]>();
  for (const code of codes) {
    const { status } = failures[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus]
      .filter(([status]) => answers[status] === undefined)
      .map(([status, group]) => [
        status,
        {
          description: group.map((code) => `${code}: ${failures[code].title}`).join('; '),
          content: { [problemType]: { schema: problemSchema } },
        },
      ]),
  );
}
