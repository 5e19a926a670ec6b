import fc from 'fast-check';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readByteLines } from './byte-lines.ts';
import { readContents } from './contents.ts';
import { readPackages, suitePrefix } from './packages-index.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-contents-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function linesOf(path: string): Promise<string[]> {
  const lines: string[] = [];
  await readByteLines(path, (bytes, start, end) => lines.push(bytes.toString('utf8', start, end)));
  return lines;
}

test('lines come out as they went in, wherever the chunks end, plain and gzip', async () => {
  // Longer than a chunk now and then, so that lines cross chunk borders.
  const line = fc.oneof(
    fc.string({ maxLength: 80 }),
    fc.integer({ min: 1, max: 300_000 }).map((length) => 'x'.repeat(length)),
  );
  const property = fc.asyncProperty(
    fc.array(line, { minLength: 1, maxLength: 12 }),
    fc.boolean(),
    async (texts, compressed) => {
      const lines = texts.map((text) => text.replaceAll(/[\n\ud800-\udfff]/g, ''));
      const bytes = Buffer.from(`${lines.join('\n')}\n`);
      const path = join(folder, compressed ? 'list.gz' : 'list');
      await writeFile(path, compressed ? gzipSync(bytes, { level: 1 }) : bytes);
      expect(await linesOf(path)).toEqual(lines);
    },
  );
  await fc.assert(property, { numRuns: 40 });
});

test('a last line without newline counts; a truncated gzip file is an error', async () => {
  const path = join(folder, 'open');
  await writeFile(path, 'a\nb');
  expect(await linesOf(path)).toEqual(['a', 'b']);
  const whole = gzipSync(Buffer.from('a\n'.repeat(5000)));
  await writeFile(join(folder, 'cut.gz'), whole.subarray(0, whole.length - 9));
  await expect(linesOf(join(folder, 'cut.gz'))).rejects.toThrow();
});

test('reading stops when it is aborted', async () => {
  const path = join(folder, 'aborted');
  await writeFile(path, 'a\nb\n');
  const reading = readByteLines(path, () => undefined, AbortSignal.abort(new Error('enough')));
  await expect(reading).rejects.toThrow('enough');
});

test('Contents lines: blanks in paths, several packages, sections, tabs', async () => {
  const path = join(folder, 'Contents-all');
  const lines = [
    'bin/live-boot                 misc/live-boot,admin/open-infrastructure-system-boot',
    'usr/share/a file with blanks\tuniverse/python/python3-six',
    'etc/unwanted                  x/y',
    'usr/share/last plain',
    '',
  ];
  await writeFile(path, lines.join('\n'));
  const seen: [string, readonly string[]][] = [];
  await readContents(
    path,
    (bytes, start) => bytes[start] !== 'e'.charCodeAt(0),
    (bytes, start, end, packages) => seen.push([bytes.toString('utf8', start, end), packages]),
  );
  expect(seen).toEqual([
    ['bin/live-boot', ['live-boot', 'open-infrastructure-system-boot']],
    ['usr/share/a file with blanks', ['python3-six']],
    ['usr/share/last', ['plain']],
  ]);
});

test('of several suites the highest version counts; each suite is remembered', async () => {
  const release = join(folder, 'm_debian_dists_bookworm_main_binary-amd64_Packages');
  const security = join(folder, 'm_debian_dists_bookworm-security_main_binary-amd64_Packages');
  const stanza = (version: string): string =>
    `Package: python3-six\nArchitecture: all\nVersion: ${version}\nDescription: x\n Version: 9\n`;
  await writeFile(release, `${stanza('1.9-1')}\nPackage: other\nVersion: 2\nArchitecture: amd64\n`);
  await writeFile(security, stanza('1.10-1'));
  const { packages, suites } = await readPackages([security, release]);
  expect(packages.get('python3-six')).toEqual({ version: '1.10-1', architecture: 'all' });
  expect(packages.get('other')).toEqual({ version: '2', architecture: 'amd64' });
  expect(suites.get(suitePrefix(release))?.get('python3-six')).toBe('1.9-1');
  expect(suites.get(suitePrefix(security))?.get('python3-six')).toBe('1.10-1');
});

test('lists of one suite have one prefix', () => {
  expect(suitePrefix('/l/m_debian_dists_bookworm-updates_main_Contents-all.gz')).toBe(
    'm_debian_dists_bookworm-updates',
  );
  expect(suitePrefix('/l/m_ubuntu_dists_noble_Contents-amd64.gz')).toBe('m_ubuntu_dists_noble');
});
