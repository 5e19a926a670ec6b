import { readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { RennetError } from '../model/errors.ts';

/** Under whom PostgreSQL runs: the system user `rennet` for root (PostgreSQL refuses root), else the caller itself. */
export interface ServiceUser {
  readonly uid: number;
  readonly gid: number;
}

const NAME = 'rennet';

/** Finds the service user; creates it when root calls and it is missing. Safe when two processes do so at once. */
export async function serviceUser(signal: AbortSignal): Promise<ServiceUser> {
  const uid = process.geteuid?.() ?? 0;
  if (uid !== 0) return { uid, gid: process.getegid?.() ?? uid };
  const found = await lookUp();
  if (found) return found;
  // useradd belongs to Debian's `passwd`, which every system has; `adduser` can be missing from minimal ones.
  const created = await execa(
    'useradd',
    [
      '--system',
      '--user-group',
      '--no-create-home',
      '--home-dir',
      '/nonexistent',
      '--shell',
      '/usr/sbin/nologin',
      NAME,
    ],
    { reject: false, cancelSignal: signal, env: { LC_ALL: 'C', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } },
  );
  signal.throwIfAborted();
  const user = await lookUp();
  if (user) return user;
  throw new RennetError(
    'state-unwritable',
    `The system user ${NAME} could not be created: ${created.stderr.split('\n')[0] || 'useradd did not start'}.`,
    `Create it with: useradd --system --user-group ${NAME}`,
  );
}

async function lookUp(): Promise<ServiceUser | undefined> {
  return findUser(await readFile('/etc/passwd', 'utf8'), NAME);
}

/** Reads passwd(5) text. */
export function findUser(passwd: string, name: string): ServiceUser | undefined {
  for (const line of passwd.split('\n')) {
    const [user, , uid, gid] = line.split(':');
    if (user === name && uid && gid) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}
