import { createWriteStream } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { type Server, createServer } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { RennetError } from '../../model/errors.ts';
import { JAIL_PATHS, STATE_FD } from './arguments.ts';
import type { Qmp } from './qmp.ts';

const SAVE_MS = 60_000;
const RESTORE_MS = 20_000;
const SOCKET = 'state.sock';
/** Memory that lies in a file is not part of the stream, which is then only the devices' state (some 100 KiB). */
const IGNORE_SHARED = { capabilities: [{ capability: 'x-ignore-shared', state: true }] };

/**
 * Writes the devices' state of a machine to an open file of ours and ends QEMU. `place`: the host's folder that the jail shows
 * as `JAIL_PATHS.state`. RennetError `template-failed`.
 *
 * Through a socket: `exec:` dies under -sandbox spawn=deny, `file:` is younger than QEMU 7.2, and there `fd:` needs a descriptor that
 * was sent over the monitor, which Node cannot do.
 */
export async function saveDevices(qmp: Qmp, place: string, stateFd: number): Promise<void> {
  const server = createServer();
  try {
    const received = receive(server, stateFd);
    received.catch(() => {});
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(join(place, SOCKET), resolve);
    });
    await chmod(join(place, SOCKET), 0o666);
    await qmp.execute('migrate-set-capabilities', IGNORE_SHARED);
    await qmp.execute('migrate', { uri: `unix:${JAIL_PATHS.state}/${SOCKET}` });
    await untilSaved(qmp);
    // It may close the channel before it answers.
    await qmp.execute('quit').catch(() => {});
    await received;
  } finally {
    server.close();
  }
}

/** Tells a machine that was started as a clone to restore the devices' state and to run. */
export async function startClone(qmp: Qmp): Promise<void> {
  // `cont` during the restoring means: then run.
  await Promise.all([...restore(qmp), qmp.execute('cont')]);
}

/** The same, but leaves it paused; settles when it could run. RennetError `boot-failed` where it cannot be restored in time. */
export async function restorePaused(qmp: Qmp): Promise<void> {
  await Promise.all(restore(qmp));
  const deadline = Date.now() + RESTORE_MS;
  for (;;) {
    const { status } = z.object({ status: z.string() }).parse(await qmp.execute('query-status'));
    if (status === 'paused') return;
    if (status !== 'inmigrate' || Date.now() > deadline)
      throw new RennetError('boot-failed', `A clone of the template could not be restored (${status}).`);
    await sleep(5);
  }
}

function restore(qmp: Qmp): Promise<unknown>[] {
  return [
    qmp.execute('migrate-set-capabilities', IGNORE_SHARED),
    qmp.execute('migrate-incoming', { uri: `fd:${STATE_FD}` }),
  ];
}

async function untilSaved(qmp: Qmp): Promise<void> {
  const deadline = Date.now() + SAVE_MS;
  for (;;) {
    const { status } = z.object({ status: z.string().default('none') }).parse(await qmp.execute('query-migrate'));
    if (status === 'completed') return;
    if (status === 'failed' || status === 'cancelled' || Date.now() > deadline) {
      throw new RennetError('template-failed', `QEMU could not save the devices of the template (${status}).`);
    }
    await sleep(10);
  }
}

function receive(server: Server, stateFd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('connection', (socket) => {
      pipeline(socket, createWriteStream('', { fd: stateFd, autoClose: false, start: 0 })).then(resolve, reject);
    });
  });
}
