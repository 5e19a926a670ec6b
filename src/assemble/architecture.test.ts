import { expect, test } from 'vitest';
import { METADATA, RECIPE } from '../model/testing/curd.ts';
import { architectureOf } from './architecture.ts';

test.each([
  ['pure code', false, [], 'all'],
  ['compiled code', true, [], 'amd64'],
  ['the same requirements everywhere', false, ['six', 'whey; sys_platform == "linux"'], 'all'],
  ['other requirements on another architecture', false, ['six; platform_machine == "x86_64"'], 'amd64'],
  ['a requirement that is not needed here', false, ['six; platform_machine == "aarch64"'], 'amd64'],
  ['other requirements of an extra alone', false, ['six; extra == "x" and platform_machine == "x86_64"'], 'all'],
  ['a machine that no target is', false, ['six; platform_machine == "s390x"'], 'all'],
  ['a requirement that nobody can read', false, ['six;;'], 'all'],
] as const)('%s: compiled %s, %j', (_, hasElf, requiresDist, expected) => {
  expect(architectureOf({ hasElf, metadata: { ...METADATA, requiresDist } }, RECIPE.target)).toBe(expected);
});
