import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type StateFolder, stateFolder } from '../../src/model/state.ts';
import { rennet } from './command.ts';
import { machineState, testImages, testLists } from './images.ts';

const run = promisify(execFile);

/** A state folder for one test file, with a TMPDIR beside it in which nothing may stay. */
export interface DemoState {
  readonly state: StateFolder;
  /** `--state` for the command line. */
  readonly args: readonly string[];
  readonly temporary: string;
  close(): Promise<void>;
}

/** An empty state folder; `lists`: with the package lists of the tests' own machine state, so that no mirror is asked. */
export async function freshState(lists: 'lists' | 'empty' = 'lists'): Promise<DemoState> {
  const folder = await mkdtemp(join(tmpdir(), 'rennet-bad-'));
  // apt's own user has to get through to the archive.
  await chmod(folder, 0o755);
  const state = stateFolder(join(folder, 'state'));
  const temporary = join(folder, 'tmp');
  await mkdir(temporary);
  await mkdir(state.root);
  if (lists === 'lists') await linkLists(state);
  return {
    state,
    temporary,
    args: ['--state', state.root],
    async close() {
      await rennet(['stop', '--state', state.root]);
      await rm(state.memory, { recursive: true, force: true });
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A state folder of its own that has the images of the tests' machine state: making them takes minutes. */
export async function stateWithImages(): Promise<DemoState> {
  const demo = await freshState();
  const { state } = demo;
  for (const folder of [state.run, state.memory]) await mkdir(folder, { recursive: true });
  await symlink(machineState.images, state.images);
  await symlink(join(machineState.run, 'images.lock'), join(state.run, 'images.lock'));
  await symlink(join(machineState.memory, 'images'), join(state.memory, 'images'));
  return demo;
}

/** apt replaces its files by renaming, so hard links cost nothing and share nothing that changes. */
async function linkLists(state: StateFolder): Promise<void> {
  await testImages(['disk', 'folder']);
  await testLists();
  for (const root of await readdir(machineState.apt)) {
    const [from, to] = [join(machineState.apt, root), join(state.apt, root)];
    await mkdir(join(to, 'state'), { recursive: true });
    for (const part of ['state/lists', 'index', 'official.sources', 'updated.json']) {
      const copy = (how: string) => run('cp', [how, join(from, part), join(to, part)]);
      await copy('-al').catch(() => copy('-a'));
    }
  }
}
