import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Header, pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectWheel } from './collect.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-collect-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function outputOf(entries: { header: Partial<Header> & { name: string }; content?: string }[]): Promise<string> {
  const archive = pack();
  for (const { header, content } of entries) archive.entry(header, content ?? '');
  archive.finalize();
  const path = join(folder, 'output');
  await writeFile(path, await Array.fromAsync(archive).then((chunks) => Buffer.concat(chunks as Buffer[])));
  return path;
}

describe('collectWheel', () => {
  it('takes the one wheel', async () => {
    const output = await outputOf([{ header: { name: 'a-1.0-py3-none-any.whl' }, content: 'PK' }]);
    const wheel = await collectWheel(output, folder, 100);
    expect(wheel).toMatchObject({ name: 'a-1.0-py3-none-any.whl', bytes: 2 });
    expect(await readFile(wheel.path, 'utf8')).toBe('PK');
  });

  it.each<[string, { header: Partial<Header> & { name: string }; content?: string }[]]>([
    ['nothing', []],
    ['two files', [{ header: { name: 'a-1-py3-none-any.whl' } }, { header: { name: 'b-1-py3-none-any.whl' } }]],
    ['a path', [{ header: { name: '../a-1-py3-none-any.whl' } }]],
    ['an absolute path', [{ header: { name: '/tmp/a.whl' } }]],
    ['another name', [{ header: { name: 'shadow' } }]],
    ['a symbolic link', [{ header: { name: 'a.whl', type: 'symlink', linkname: '/etc/shadow' } }]],
    ['a hard link', [{ header: { name: 'a.whl', type: 'link', linkname: '/etc/shadow' } }]],
    ['a device', [{ header: { name: 'a.whl', type: 'character-device' } }]],
    ['a folder', [{ header: { name: 'a.whl', type: 'directory' } }]],
    ['too much', [{ header: { name: 'a.whl' }, content: 'x'.repeat(101) }]],
    ['pax overrides', [{ header: { name: 'a.whl', pax: { path: 'b.whl' } }, content: 'x' }]],
  ])('refuses %s', async (_what, entries) => {
    await expect(collectWheel(await outputOf(entries), folder, 100)).rejects.toMatchObject({ code: 'bad-archive' });
  });

  it('refuses bytes that are no archive, and a truncated one', async () => {
    const path = join(folder, 'noise');
    await writeFile(path, Buffer.alloc(3000, 7));
    await expect(collectWheel(path, folder, 100)).rejects.toMatchObject({ code: 'bad-archive' });
    const whole = await readFile(await outputOf([{ header: { name: 'a.whl' }, content: 'x'.repeat(90) }]));
    await writeFile(path, whole.subarray(0, 540));
    await expect(collectWheel(path, folder, 100)).rejects.toMatchObject({ code: 'bad-archive' });
  });
});
