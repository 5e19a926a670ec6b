import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DeriveInput } from './debian/archive-derive.ts';
import { saveTemplate } from './machine/qemu/template-files.ts';
import type { TemplateNote, TemplatePorts } from './machine/qemu/template-record.ts';
import { type StateFolder, stateFolder } from './model/state.ts';
import { recover } from './recovery.ts';
import type { Store } from './store/store.ts';

const { signal } = new AbortController();
let state: StateFolder;
beforeEach(async () => {
  state = stateFolder(await mkdtemp(join(tmpdir(), 'rennet-recovery-')));
  for (const folder of [state.attempts, state.templates, state.apt]) await mkdir(folder);
});
afterEach(() => rm(state.root, { recursive: true }));

async function recovered(): Promise<string[]> {
  const notes: string[] = [];
  const store = { recovery: { interrupted: [], unpublishedSuites: [] } } as unknown as Store;
  await recover({ state, store, note: (sentence) => notes.push(sentence) }, signal);
  return notes;
}

test('an archive index whose derivation was killed is removed', async () => {
  const index = join(state.apt, 'bookworm-amd64', 'index');
  await mkdir(index, { recursive: true });
  await writeFile(join(index, 'whole.json'), '');
  const packages = join(state.root, 'Packages');
  await writeFile(packages, 'Package: python3\nVersion: 3.11.2-1\nArchitecture: all\n');
  // Nobody writes to it: the derivation waits for its next line with its files begun.
  const contents = join(state.root, 'Contents-all');
  await execa('mkfifo', [contents]);
  const files = { index: join(index, 'a.json'), paths: join(index, 'a.paths'), development: join(index, 'a.dev') };
  const target = { suite: 'bookworm', architecture: 'amd64' } as const;
  const input: DeriveInput = { target, release: '', packages: [packages], contents: [contents], dhPython: '', files };
  const main = fileURLToPath(new URL('debian/archive-derive-main.ts', import.meta.url));
  const child = spawn(process.execPath, [main], { stdio: ['pipe', 'ignore', 'inherit'] });
  try {
    child.stdin.end(JSON.stringify(input));
    while (child.exitCode === null && (await readdir(index)).length < 2) await sleep(10);
    expect(await recovered()).toEqual([]);
    expect(await readdir(index)).toHaveLength(2); // it still works there
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  expect(await recovered()).toEqual([]);
  expect(await readdir(index)).toEqual(['whole.json']);
});

test('a half-saved template of a killed process is removed; one that fails removes its own', async () => {
  const during: string[][] = [];
  const keeper = {
    saveMemory: async () => {
      await recovered();
      during.push(await readdir(state.templates));
      throw new Error('no');
    },
  };
  const note = { key: 'abc' } as TemplateNote;
  await expect(saveTemplate(note, { state, keeper } as unknown as TemplatePorts)).rejects.toThrow('no');
  expect(during).toEqual([[expect.stringMatching(`^abc\\.tmp-${process.pid}-`) as string]]);
  expect(await readdir(state.templates)).toEqual([]);

  const dead = during[0]?.[0]?.replace(`tmp-${process.pid}-`, 'tmp-4194305-') ?? '';
  await mkdir(join(state.templates, dead));
  await mkdir(join(state.templates, 'abc'));
  expect(await recovered()).toEqual([]);
  expect(await readdir(state.templates)).toEqual(['abc']);
});
