import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');

/** The sources that name ssh2 in an import or a require. */
function importers(): string[] {
  return execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', '*.js', '*.mjs'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter(
      (path) => path !== '' && /(from|require\(|import\()\s*['"]ssh2/.test(readFileSync(join(root, path), 'utf8')),
    );
}

describe('ssh2, whose clients take any host for the right one unless told', () => {
  test('has its clients made in one place', () => {
    const makers = importers().filter((path) => /new (\w+\.)?Client\(/.test(readFileSync(join(root, path), 'utf8')));
    expect(makers).toEqual(['drivers/ssh/connect.ts']);
    const text = readFileSync(join(root, makers[0]!), 'utf8');
    expect(text.match(/new Client\(/g)).toHaveLength(1);
    expect(text).toContain('hostVerifier: (key: Buffer) =>');
  });

  test('lends nothing but types and key utilities to others', () => {
    const others = importers().filter(
      (path) => !path.startsWith('drivers/ssh/') && path !== 'tests/ssh/one-place.test.ts',
    );
    for (const path of others) {
      const imports = readFileSync(join(root, path), 'utf8').match(/.*['"]ssh2.*/g)!;
      for (const line of imports)
        expect(`${path}: ${line}`).toMatch(/: (import type .*|import \{ utils \}) from 'ssh2';$/);
    }
  });

  // The rule alone, with the options that it has in the repository's own configuration: no types have to be read.
  test('is forbidden by lint elsewhere', () => {
    const program = `
      import { Linter } from 'eslint';
      import tseslint from 'typescript-eslint';
      import configuration from './eslint.config.mjs';
      const rule = '@typescript-eslint/no-restricted-imports';
      const forms = ['{ Client }', '{ Client as Other }', '* as all', 'one', '{ utils }'];
      const source = forms.map((form) => 'import ' + form + ' from "ssh2";').join('\\n');
      const lines = configuration.filter(({ rules }) => rules?.[rule]).map(({ files, rules }) => {
        const plugins = { '@typescript-eslint': tseslint.plugin };
        const found = new Linter().verify(source, [{ plugins, rules: { [rule]: rules[rule] } }]);
        return [String(files), found.map(({ line }) => line)];
      });
      console.log(JSON.stringify(Object.fromEntries(lines)));`;
    const answer = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: root });
    const refused = JSON.parse(answer.toString()) as Record<string, number[]>;
    expect(Object.keys(refused)).toEqual(expect.arrayContaining(['**/*.ts', 'drivers/**/*.ts', 'api/**/*.ts']));
    const { 'drivers/ssh/**/*.ts': ours, ...others } = refused;
    expect(ours).toEqual([]);
    for (const lines of Object.values(others)) expect(lines).toEqual([1, 2, 3, 4]);
  });
});
