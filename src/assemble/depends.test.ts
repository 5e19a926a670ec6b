import { describe, expect, it } from 'vitest';
import type { MetRequirement } from '../model/recipe.ts';
import { dependsOf, suggestionsOf } from './depends.ts';
import { METADATA, RECIPE } from '../model/testing/curd.ts';

const met: MetRequirement = {
  requirement: 'wcwidth',
  project: 'wcwidth',
  by: 'official',
  package: 'python3-wcwidth',
  packageVersion: '0.2.5-1',
  version: '0.2.5',
  relations: ['python3-wcwidth'],
};

describe('dependsOf', () => {
  const facts = RECIPE.target;
  it.each([
    ['pure code', false, 'none', [], ['python3:any']],
    [
      'pure code with bounds',
      false,
      'none',
      ['python3:any (>= 3.8-0~)', 'python3:any (<< 4.0~~)'],
      ['python3:any (>= 3.8-0~)', 'python3:any (<< 4.0~~)'],
    ],
    ['the stable ABI', true, 'abi3', ['python3:any (>= 3.8-0~)'], ['python3 (>= 3.8-0~)', 'libc6 (>= 2.14)']],
    ['one ABI', true, 'abi', [], ['python3 (>= 3.11~)', 'python3 (<< 3.12~~)', 'libc6 (>= 2.14)']],
    ['a library without extension', true, 'none', [], ['python3', 'libc6 (>= 2.14)']],
  ] as const)('of %s', (_, hasElf, pythonBound, bounds, expected) => {
    const tree = { hasElf, pythonBound, sharedLibraries: ['libc6 (>= 2.14)'] };
    const [first = '', ...rest] = expected.filter((relation) => !relation.startsWith('libc6'));
    const libraries = expected.filter((relation) => relation.startsWith('libc6'));
    expect(dependsOf(tree, [met], bounds, facts)).toEqual([first, ...rest, 'python3-wcwidth', ...libraries]);
  });
});

describe('suggestionsOf', () => {
  const dist = (project: string) => ({
    project,
    package: `python3-${project}`,
    packageVersion: '1',
    upstreamVersion: '1',
    architecture: 'all',
  });
  const archive = { dists: (project: string) => (project === 'unknown' ? [] : [dist(project)]) };
  it('names the official packages that only an extra asks for', () => {
    const requiresDist = [
      'wcwidth',
      "rich; extra == 'pretty'",
      "unknown; extra == 'pretty'",
      "wcwidth>2; extra == 'pretty'",
      "colorama; sys_platform == 'win32' and extra == 'pretty'",
      'not a requirement;;',
    ];
    const metadata = { ...METADATA, requiresDist, providesExtra: ['pretty'] };
    expect(suggestionsOf({ metadata }, RECIPE.target, archive, ['python3:any', 'python3-wcwidth'])).toEqual([
      { package: 'python3-rich', requirement: "rich; extra == 'pretty'", extras: ['pretty'] },
    ]);
  });
});
