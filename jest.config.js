/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/tests'],
  testMatch: ['**/*.test.ts'],
  globalSetup: '<rootDir>/environment/setup/jest-setup.js',
  globalTeardown: '<rootDir>/environment/setup/jest-teardown.js',
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } },
    ],
  },
  // Temporal's native core keeps a thread open after the last worker has stopped (temporalio/sdk-typescript#928).
  forceExit: true,
  maxWorkers: 2,
  testTimeout: 30_000,
};
