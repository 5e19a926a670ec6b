import { stat } from 'node:fs/promises';
import { suiteSettings } from '../host/settings.ts';
import { RennetError } from '../model/errors.ts';
import type { MirrorDisk } from '../model/machine.ts';
import type { StateFolder } from '../model/state.ts';

const SECTOR_BYTES = 512;

/** The file with the operator's mirror of a suite, as config.toml names it. RennetError `bad-usage` where it cannot be a disk of guests. */
export async function openMirrorDisk(suite: string, state: StateFolder): Promise<MirrorDisk> {
  const path = (await suiteSettings(state, suite))['mirror-disk'];
  const wanted = `Write a whole mirror of ${suite} into a squashfs or ext4 file (docs/operations.md), or use --prerequisites apt.`;
  if (path === undefined) throw new RennetError('bad-usage', `config.toml names no mirror-disk for ${suite}.`, wanted);
  const found = await stat(path).catch(() => undefined);
  const refused = (why: string): RennetError =>
    new RennetError('bad-usage', `${path}, the mirror-disk of ${suite}, ${why}.`, wanted);
  if (found === undefined) throw refused('is not there');
  if (!found.isFile()) throw refused('is no file');
  if (found.size === 0 || found.size % SECTOR_BYTES !== 0)
    throw refused(`is no file system: its ${found.size} bytes are no whole sectors`);
  // A guest's QEMU runs as a user of its own.
  if (process.getuid?.() === 0 && (found.mode & 0o004) === 0) throw refused('cannot be read by all (chmod o+r)');
  return { path, bytes: found.size };
}
