import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { file, writeCpio } from '../../../src/image/cpio.ts';
import type { Image } from '../../../src/model/machine.ts';

const INIT = join(import.meta.dirname, '../../../guest/init');
const AGENT = join(import.meta.dirname, 'agent.py');
const HONEST = 'exec switch_root /root /usr/bin/python3 -B /usr/lib/rennet/agent.py';
const HOSTILE = 'cat /hostile.py >/root/run/hostile.py\nexec switch_root /root /usr/bin/python3 -B /run/hostile.py';

/**
 * The same machine in the hands of the attacker: kernel and base disk of `honest`, and an initrd whose init starts agent.py of this
 * folder instead of ours. The kernel unpacks archive after archive, so ours is put after the honest one. It is written to `folder`.
 */
export async function hostileImage(honest: Image, folder: string): Promise<Image> {
  const init = await readFile(INIT, 'utf8');
  if (!init.includes(HONEST)) throw new Error('guest/init starts its agent in another way than this test knows');
  const ours = writeCpio([
    file('init', Buffer.from(init.replace(HONEST, HOSTILE)), 0o755),
    file('hostile.py', await readFile(AGENT)),
  ]);
  const bytes = Buffer.concat([await readFile(honest.initrd), ours]);
  const initrd = join(folder, 'initrd');
  await writeFile(initrd, bytes);
  const digest = createHash('sha256').update(honest.digest).update(bytes).digest('hex');
  return { ...honest, digest, initrd };
}
