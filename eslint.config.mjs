import { builtinModules } from 'node:module';
import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

const builtins = builtinModules.flatMap((name) => [name, `node:${name}`]);

/** An import that leaves its own folder for one of ours. */
const folder = (name) => `^(\\.\\./)+${name}(/|$)`;

/**
 * Who may import whom (design: "The house"). A folder that stands here may import what is not forbidden to it; types of
 * activities are allowed to workflows, values are not.
 */
const forbidden = {
  domain: [
    'workflows',
    'activities',
    'drivers',
    'prisma',
    'worker',
    'api',
    'cli',
    'environment',
    'bench',
    'tests',
    'console',
  ],
  workflows: ['drivers', 'prisma', 'worker', 'api', 'cli', 'environment', 'bench', 'tests', 'console'],
  activities: ['workflows', 'worker', 'api', 'cli', 'environment', 'bench', 'tests', 'console'],
  drivers: ['workflows', 'activities', 'prisma', 'worker', 'api', 'cli', 'environment', 'bench', 'tests', 'console'],
  prisma: ['workflows', 'activities', 'drivers', 'worker', 'api', 'cli', 'environment', 'bench', 'tests', 'console'],
  api: ['workflows', 'activities', 'drivers', 'worker', 'cli', 'environment', 'bench', 'tests'],
  worker: ['api', 'cli', 'environment', 'bench', 'tests', 'console'],
};
const sdk = { regex: '^@temporalio/', message: 'The domain is plain data and rules, without any SDK.' };
const folderPatterns = (name) =>
  forbidden[name].map((other) => ({
    regex: folder(other),
    message: `${name} may not import ${other} (docs: who may import whom).`,
  }));
const extraPatterns = {
  domain: [
    sdk,
    { regex: `^(${builtins.join('|')})$`, message: 'The domain runs in workflows, too: no Node builtins.' },
  ],
  workflows: [
    { regex: `^(${builtins.join('|')})$`, message: 'Workflows are deterministic: no Node builtins.' },
    { regex: folder('activities'), message: 'Workflows see only the types of activities.', allowTypeImports: true },
    { regex: '^@temporalio/(activity|client|worker)', message: 'Not in the workflow sandbox.', allowTypeImports: true },
  ],
};

const rawSql = ['$queryRawUnsafe', '$executeRawUnsafe'].map((method) => ({
  selector: `MemberExpression[property.name='${method}']`,
  message: 'Values go into SQL as parameters: use the tagged template.',
}));
const ssh = {
  name: 'ssh2',
  importNames: ['Client', 'default'],
  message: 'An ssh2 Client without hostVerifier accepts any host: use drivers/ssh.',
};

export default tseslint.config(
  { ignores: ['node_modules', 'dist', 'coverage', '.gatewright', 'prisma/generated', 'tests/replay/histories'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommended],
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['*.ts'] }, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      eqeqeq: 'error',
      'object-shorthand': 'error',
      'no-restricted-syntax': ['error', ...rawSql],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingAny: true, allowThrowingUnknown: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        {
          ignoreRestSiblings: true,
          argsIgnorePattern: '^_',
          varsIgnorePattern: '^_',
          destructuredArrayIgnorePattern: '^_',
        },
      ],
      '@typescript-eslint/no-restricted-imports': ['error', { paths: [ssh] }],
      // Our own modules may be required when they are needed, so that a process loads what it runs.
      '@typescript-eslint/no-require-imports': ['error', { allow: ['^\\.\\.?/'] }],
    },
  },
  ...Object.keys(forbidden).map((name) => ({
    files: [`${name}/**/*.ts`],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { paths: [ssh], patterns: [...folderPatterns(name), ...(extraPatterns[name] ?? [])] },
      ],
    },
  })),
  {
    // The one place that makes connections, and always with a host key to check.
    files: ['drivers/ssh/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': ['error', { patterns: folderPatterns('drivers') }],
    },
  },
  { files: ['cli/**/*.ts', 'tests/**/*.ts'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {
      globals: Object.fromEntries(
        'require module exports __dirname __filename process console setTimeout clearTimeout AbortController Buffer URL'
          .split(' ')
          .map((name) => [name, 'readonly']),
      ),
    },
  },
);
