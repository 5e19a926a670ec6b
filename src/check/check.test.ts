import { describe, expect, it } from 'vitest';
import { type CheckFacts, firstProblem } from './check.ts';

const expected = { package: 'python3-a', distribution: 'a', version: '1.0', modules: ['a'], scripts: ['/usr/bin/a'] };
const good: CheckFacts = {
  installed: true,
  installMessage: '',
  imports: [{ module: 'a', ok: true, message: '' }],
  metadata: { found: true, version: '1.0', unmet: [] },
  scripts: [{ path: '/usr/bin/a', ok: true, exit: 0, message: '' }],
};

describe('firstProblem', () => {
  it('finds nothing where all is well', () => expect(firstProblem(good, expected)).toBeUndefined());

  it.each<[string, Partial<CheckFacts>, string]>([
    ['not installed', { installed: false, installMessage: 'depends on python3-b' }, 'install-error'],
    ['import fails', { imports: [{ module: 'a', ok: false, message: "No module named 'b'" }] }, 'import-error'],
    ['import left out by the guest', { imports: [] }, 'import-error'],
    ['no metadata', { metadata: { found: false, version: '', unmet: [] } }, 'bad-metadata'],
    ['other version', { metadata: { found: true, version: '2.0', unmet: [] } }, 'bad-metadata'],
    ['script fails', { scripts: [{ path: '/usr/bin/a', ok: false, exit: 1, message: 'x' }] }, 'script-error'],
    ['script left out by the guest', { scripts: [] }, 'script-error'],
  ])('%s', (_what, change, failure) => {
    expect(firstProblem({ ...good, ...change }, expected)?.class).toBe(failure);
  });
});
