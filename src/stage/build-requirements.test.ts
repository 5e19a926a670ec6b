import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AttemptEnd } from '../model/outcome.ts';
import { buildWheel } from '../python/testing/zips.ts';
import { type BuildTools, resolveBuildRequirements } from './build-requirements.ts';
import { madePorts, type World } from './testing/ports.ts';

const OFFICIAL = {
  setuptools: ['python3-setuptools', '66.1.1-1', '66.1.1'],
  hatchling: ['python3-hatchling', '1.12.2-1', '1.12.2'],
  packaging: ['python3-packaging', '23.0-1', '23.0'],
} as const;
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-stage-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function wheel(
  name: string,
  version: string,
  requires: readonly string[] = [],
  tags = 'py3-none-any',
): Record<string, Buffer> {
  return {
    [`${name}-${version}-${tags}.whl`]: buildWheel(name, version, [{ name: `${name}.py`, content: '' }], requires),
  };
}

async function resolve(requirements: readonly string[], world: World, tools: BuildTools = 'suite') {
  const ports = madePorts(folder, { official: OFFICIAL, ...world });
  const options = { tools, folder, release: 'x 1.0' };
  const { choices, notes } = await resolveBuildRequirements(
    requirements,
    options,
    ports,
    { ms: 0 },
    new AbortController().signal,
  );
  return {
    chosen: choices.map((choice) => `${choice.by} ${choice.project} ${choice.version}`),
    notes,
    asked: ports.asked,
  };
}

async function outcomeOf(work: Promise<unknown>): Promise<{ kind: string; sentence: string }> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AttemptEnd)) throw error;
  return error.outcome;
}

test('the newest tools come from the index, but what is compiled, and what the index has not newer, from the suite', async () => {
  const official = { ...OFFICIAL, numpy: ['python3-numpy', '1.24.2-1', '1.24.2', 'amd64'] } as const;
  const files = {
    ...wheel('hatchling', '1.27', ['packaging']),
    ...wheel('packaging', '23.0'),
    ...wheel('numpy', '2.0'),
  };
  const { chosen } = await resolve(['hatchling', 'numpy', 'setuptools'], { official, files }, 'newest');
  expect(chosen).toEqual([
    'index hatchling 1.27',
    'official numpy 1.24.2',
    'official setuptools 66.1.1',
    'official packaging 23.0',
  ]);
});

test("the suite's package serves where its version fits, and the index is not asked", async () => {
  const { chosen, notes, asked } = await resolve(
    ['hatchling', 'setuptools>=40; python_version >= "3"', 'tomli; python_version < "3.11"'],
    {},
  );
  expect(chosen).toEqual(['official hatchling 1.12.2', 'official setuptools 66.1.1']);
  expect([notes, asked]).toEqual([[], []]);
});

test('a newer version than the suite has comes from the newest wheel that fits, with what that needs', async () => {
  const files = {
    ...wheel('setuptools', '75.0', ['packaging>=24', 'nothing; extra == "test"']),
    ...wheel('setuptools', '80.0a1'),
    ...wheel('setuptools', '78.0', [], 'cp312-cp312-manylinux_2_17_x86_64'),
    ...wheel('setuptools', '77.0', [], 'py3-none-manylinux_2_40_x86_64'),
    ...wheel('packaging', '24.1'),
  };
  const { chosen, notes } = await resolve(['setuptools>=74.1'], { files });
  expect(chosen).toEqual(['index setuptools 75.0', 'index packaging 24.1']);
  expect(notes[0]).toContain('python3-setuptools 66.1.1-1');
});

test('extras of a wheel bring their requirements', async () => {
  const files = { ...wheel('tool', '1.0', ['hatchling; extra == "fast"', 'absent; extra == "other"']) };
  expect((await resolve(['tool[fast]'], { files })).chosen).toEqual(['index tool 1.0', 'official hatchling 1.12.2']);
});

test('upper pins that the suite exceeds are ignored with a note, then honoured', async () => {
  const files = { ...wheel('setuptools', '63.0'), ...wheel('setuptools', '67.0') };
  const ignored = await resolve(['setuptools>=40,<64'], { files });
  expect(ignored.chosen).toEqual(['official setuptools 66.1.1']);
  expect(ignored.notes.join()).toContain('setuptools>=40,<64');
  expect((await resolve(['setuptools>=40,<64'], { files }, 'pinned')).chosen).toEqual(['index setuptools 63.0']);
});

test('a bound that comes late makes the choice anew with both bounds', async () => {
  const files = {
    ...wheel('tool', '1.0', ['packaging>=24']),
    ...wheel('packaging', '24.1'),
    ...wheel('packaging', '25.0'),
  };
  expect((await resolve(['packaging<25', 'tool'], { files })).chosen).toEqual([
    'index packaging 24.1',
    'index tool 1.0',
  ]);
});

test('what nobody has ends the attempt as unsatisfiable and says what the suite has', async () => {
  const outcome = await outcomeOf(resolve(['hatchling>=99'], { files: wheel('hatchling', '2.0') }));
  expect(outcome.kind).toBe('unsatisfiable');
  expect(outcome.sentence).toContain('hatchling>=99');
  expect(outcome.sentence).toContain('python3-hatchling 1.12.2-1');
  const contradiction = await outcomeOf(resolve(['tool', 'tool<1'], { files: wheel('tool', '1.0') }));
  expect(contradiction.sentence).toContain('tool<1');
});

test('requirements from addresses are refused', async () => {
  const outcome = await outcomeOf(resolve(['tool @ https://files.example.org/tool.whl'], {}));
  expect(outcome.sentence).toContain('address');
});

test('a chain of wheels has an end', async () => {
  const files: Record<string, Buffer> = {};
  for (let number = 0; number < 50; number += 1) Object.assign(files, wheel(`p${number}`, '1.0', [`p${number + 1}`]));
  const outcome = await outcomeOf(resolve(['p0'], { files }));
  expect(outcome.sentence).toContain('more than 40 wheels');
});

test('a build requirement that nobody has is the fault of the release, not of the one who typed', async () => {
  const outcome = await outcomeOf(resolve(['nowhere>=1'], {}));
  expect(outcome.kind).toBe('unsatisfiable');
  expect(outcome.sentence).toMatch(/x 1\.0.*requires nowhere.*the index has no such project/);
});

test('a wheel of the index without a hash is not used', async () => {
  const outcome = await outcomeOf(resolve(['tool'], { files: wheel('tool', '1.0'), unhashed: true }));
  expect(outcome.kind).toBe('unsatisfiable');
  expect(outcome.sentence).toMatch(/no sha256, sha384 or sha512 for tool-1\.0-py3-none-any\.whl/);
});
