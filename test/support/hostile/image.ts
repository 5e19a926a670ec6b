import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { directory, file, writeCpio } from '../../../src/image/cpio.ts';
import type { Image } from '../../../src/model/machine.ts';

const INIT = join(import.meta.dirname, '../../../guest/init');
const ATTACKS = join(import.meta.dirname, 'attacks');
const HONEST = 'exec switch_root /root /usr/bin/python3 -B /usr/lib/rennet/agent.py';
/** What the initrd brings is put where the new root sees it. */
const HOSTILE = [
  'mkdir /root/run/attacks',
  'for name in /attacks/*; do cat "$name" >"/root/run$name"; done',
  'exec switch_root /root /usr/bin/python3 -B /run/attacks/agent_of_attacker.py',
].join('\n');

/**
 * The same machine in the hands of the attacker: kernel and base disk of `honest`, and an initrd whose init starts agent_of_attacker.py
 * instead of ours. The kernel unpacks archive after archive, so ours is put after the honest one. It is written to `folder`.
 */
export async function hostileImage(honest: Image, folder: string): Promise<Image> {
  const init = await readFile(INIT, 'utf8');
  if (!init.includes(HONEST)) throw new Error('guest/init starts its agent in another way than this test knows');
  const names = (await readdir(ATTACKS)).filter((name) => name.endsWith('.py')).toSorted();
  const code = names.map(async (name) => file(`attacks/${name}`, await readFile(join(ATTACKS, name))));
  const ours = writeCpio([
    file('init', Buffer.from(init.replace(HONEST, HOSTILE)), 0o755),
    directory('attacks'),
    ...(await Promise.all(code)),
  ]);
  const bytes = Buffer.concat([await readFile(honest.initrd), ours]);
  const initrd = join(folder, 'initrd');
  await writeFile(initrd, bytes);
  const digest = createHash('sha256').update(honest.digest).update(bytes).digest('hex');
  return { ...honest, digest, initrd };
}
