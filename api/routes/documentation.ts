import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { open } from '../access';
import type { OpenApiDocument } from '../openapi-document';
import { ok, route, type Route } from '../route';
import { z } from '../zod';

/** Found without loading it: what it exports are scripts of a megabyte, which only browsers run. */
const pageDirectory = dirname(require.resolve('swagger-ui-dist/package.json'));

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Gatewright API</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css">
    <link rel="icon" href="/docs/favicon-32x32.png">
  </head>
  <body>
    <div id="ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

const start = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#ui', deepLinking: true });\n`;

const files = {
  'swagger-ui.css': 'text/css',
  'swagger-ui-bundle.js': 'text/javascript',
  'favicon-32x32.png': 'image/png',
  'start.js': 'text/javascript',
} as const;
type File = keyof typeof files;

/** `/openapi.json` and `/docs`: the API’s description and a page to read and try it, without the internet. */
export function documentationRoutes(documentNow: () => OpenApiDocument): Route[] {
  let text: string | undefined;
  const document = route({
    method: 'get',
    path: '/openapi.json',
    operationId: 'openapi',
    tag: 'documentation',
    summary: 'The OpenAPI document of this API',
    access: open,
    answers: { 200: { description: 'OpenAPI 3.1.', schema: z.looseObject({ openapi: z.string() }) } },
    failures: [],
    handle: () => Promise.resolve(ok((text ??= JSON.stringify(documentNow())), { 'Content-Type': 'application/json' })),
  });

  const docs = route({
    method: 'get',
    path: '/docs',
    operationId: 'docs',
    tag: 'documentation',
    summary: 'This documentation as a page',
    access: open,
    answers: { 200: { description: 'The page.', schema: z.string(), contentType: 'text/html' } },
    failures: [],
    handle: () => Promise.resolve(ok(page, { 'Content-Type': 'text/html' })),
  });

  const asset = route({
    method: 'get',
    path: '/docs/{file}',
    operationId: 'docsFile',
    tag: 'documentation',
    summary: 'A file of the documentation’s page',
    access: open,
    params: z.strictObject({ file: z.enum(Object.keys(files) as [File, ...File[]]) }),
    answers: { 200: { description: 'The file.', schema: z.string(), contentType: 'text/javascript' } },
    failures: ['NOT_FOUND'],
    async handle({ params: { file }, res }) {
      const body = file === 'start.js' ? start : readFileSync(join(pageDirectory, file));
      res.set('Cache-Control', 'max-age=3600');
      return Promise.resolve(ok(body, { 'Content-Type': files[file] }));
    },
  });
  return [document, docs, asset];
}
