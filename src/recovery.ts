import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeAbandoned } from './host/files.ts';
import { removeGuestLeftovers } from './machine/leftovers.ts';
import type { StateFolder } from './model/state.ts';
import type { Architecture } from './model/target.ts';
import { publishSuite } from './publication.ts';
import { removeLeftovers } from './publish/scratch.ts';
import type { Store } from './store/store.ts';

export interface RecoveryPorts {
  readonly state: StateFolder;
  readonly store: Store;
  /** One sentence for people for each thing that was found. */
  readonly note: (sentence: string) => void;
}

/**
 * Cleans up after processes that were killed: says which attempts they left, removes what they left on this host (work folders,
 * half downloads, control groups, slots of guests), and publishes what was
 * recorded and not yet published. What cannot be mended now is noted and tried again at the next start; only an abort rejects.
 */
export async function recover(ports: RecoveryPorts, signal: AbortSignal): Promise<void> {
  const { store, note } = ports;
  try {
    for (const id of store.recovery.interrupted) {
      const attempt = await store.attempt(id);
      if (attempt) note(`${attempt.project} ${attempt.version}: ${attempt.sentence}`);
    }
    await removeWorkFolders(ports);
    await removeLeftovers(tmpdir(), /^rennet-(?:plan|gpg|apt)-(\d+)-[A-Za-z0-9]{6}$/);
    await removeLeftovers(join(ports.state.cache, 'partial'), /^(\d+)-[0-9a-f]{16}$/);
    for (const name of ['debs', 'layers'])
      await removeLeftovers(join(ports.state.cache, name), /^\.(?:fetch|unpack)-(\d+)-[A-Za-z0-9]{6}$/);
    // Half-saved templates and half-derived archive indexes.
    const indexes = (await readdir(ports.state.apt)).map((name) => join(ports.state.apt, name, 'index'));
    for (const folder of [ports.state.templates, ...indexes]) await removeAbandoned(folder);
    await removeGuestLeftovers(ports.state);
    for (const suite of store.recovery.unpublishedSuites) await publishAgain(suite, ports, signal);
  } catch (error) {
    signal.throwIfAborted();
    note(`What an interrupted rennet left cannot be cleaned up now: ${error instanceof Error ? error.message : ''}`);
  }
}

/** Not only those of `interrupted`: the process that ended these attempts may have been killed as well. */
async function removeWorkFolders({ state, store }: RecoveryPorts): Promise<void> {
  for (const name of await readdir(state.attempts)) {
    const id = /^(.+)\.work$/.exec(name)?.[1];
    if (id === undefined || (await store.attempt(id))?.outcome === undefined) continue;
    await rm(join(state.attempts, name), { recursive: true, force: true });
  }
}

async function publishAgain(suite: string, { state, store, note }: RecoveryPorts, signal: AbortSignal): Promise<void> {
  const waiting = (await store.publishedRows(suite)).rows.filter(({ publishedAt }) => publishedAt === undefined);
  const attempts = await Promise.all(waiting.map(({ attempt }) => store.attempt(attempt)));
  const architectures = attempts.flatMap((attempt): Architecture[] => (attempt ? [attempt.architecture] : []));
  // Whoever publishes the suite at this moment takes all of it along: nothing is left to do, and nobody waits.
  const busy = new AbortController();
  const onWait = () => busy.abort();
  try {
    await publishSuite(suite, { state, store, onWait, architectures }, AbortSignal.any([signal, busy.signal]));
  } catch (error) {
    if (busy.signal.aborted) return;
    throw error;
  }
  const names = waiting.map((row) => `${row.package} ${row.version}`).join(', ');
  note(`${suite} is published again after an interruption${names === '' ? '' : `, with ${names}`}.`);
}
