import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type Header, pack } from 'tar-stream';
import { expect } from 'vitest';
import { admit } from '../../../src/admit/admit.ts';
import { evidenceOf, portsBelow } from '../../../src/admit/testing/evidence.ts';
import { HOSTILE_WHEELS } from '../../../src/admit/testing/hostile-wheels.ts';
import { distInfo, writeZip } from '../../../src/admit/testing/wheel.ts';
import { collectWheel } from '../../../src/build/collect.ts';
import type { GuestReport } from '../../../src/model/machine.ts';
import { type Attack, running } from './attack.ts';

const WHEEL = 'curd-1.0-py3-none-any.whl';
const MAX_BYTES = 10_000_000;
const MIB = 1024 * 1024;

type Entry = Partial<Header> & { readonly content?: string };

async function tar(...entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { content = '', ...given } of entries) archive.entry({ name: WHEEL, ...given }, content);
  archive.finalize();
  return buffer(archive);
}

/** A header of our own making: 512 bytes with a right checksum, whatever else they say. */
function header(fields: { name?: string; size?: string | Buffer; type?: string; prefix?: string }): Buffer {
  const block = Buffer.alloc(512);
  const put = (text: string | Buffer, at: number): void => void Buffer.from(text).copy(block, at);
  put(fields.name ?? WHEEL, 0);
  put('0000644\x000000000\x000000000\x00', 100);
  put(fields.size ?? '00000000012\0', 124);
  put('00000000000\0        ', 136);
  put(fields.type ?? '0', 156);
  put('ustar\x0000', 257);
  put(fields.prefix ?? '', 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

const padded = (text: string): Buffer => Buffer.concat([Buffer.from(text), Buffer.alloc(512 - (text.length % 512))]);
const END = Buffer.alloc(1024);
const file = padded('0123456789');

/** Output streams that are no archive of one wheel. */
const ARCHIVES: Readonly<Record<string, () => Promise<Buffer>>> = {
  'a path that leads upwards': () => tar({ name: `../../${WHEEL}`, content: 'x' }),
  'an absolute path': () => tar({ name: `/tmp/${WHEEL}`, content: 'x' }),
  'a path put together from a prefix': async () => Buffer.concat([header({ prefix: '../../tmp' }), file, END]),
  'a symbolic link': () => tar({ type: 'symlink', linkname: '/etc/shadow' }),
  'a hard link': () => tar({ type: 'link', linkname: '/etc/shadow' }),
  'a link, then a file through it': () => tar({ type: 'symlink', linkname: '/tmp' }, { name: `${WHEEL}/x` }),
  'a device': () => tar({ type: 'block-device', devmajor: 8, devminor: 0 }),
  'a pipe': () => tar({ type: 'fifo' }),
  'a folder': () => tar({ type: 'directory' }),
  'a sparse file of 8 EiB': async () => Buffer.concat([header({ type: 'S', size: '77777777777\0' }), file, END]),
  'the same name twice': () => tar({ content: 'x' }, { content: 'y' }),
  'a size given again by a pax record': () => tar({ pax: { size: '99999999' }, content: 'x' }),
  'a path given again by a pax record': () => tar({ pax: { path: '/etc/passwd' }, content: 'x' }),
  'a sparse map in pax records': () => tar({ pax: { 'GNU.sparse.realsize': '1099511627776' }, content: 'x' }),
  'a negative size': async () => Buffer.concat([header({ size: Buffer.alloc(12, 0xff) }), file, END]),
  'a size beyond all numbers': async () =>
    Buffer.concat([header({ size: Buffer.from('8000ffffffffffffffffffff', 'hex') }), file, END]),
  'a name of 1 GiB': async () => Buffer.concat([header({ type: 'L', size: '10000000000\0' }), file, END]),
  'more than there is': async () => Buffer.concat([header({ size: '00000177777\0' }), file]),
  'a name with a line end and an escape': () => tar({ name: 'curd-1.0\n\u001b[2J.whl', content: 'x' }),
  noise: async () => Buffer.alloc(5000, 0xa5),
  'nothing at all': async () => Buffer.alloc(0),
  'zeros without end': async () => Buffer.alloc(4 * MIB),
  '4000 files of no length': () =>
    tar(...Array.from({ length: 4000 }, (_, index) => ({ name: `curd-1.${index}.whl` }))),
};

/** How real guests hand one over: a few in CI, all in the long run. */
const IN_QEMU = ['a path that leads upwards', 'a sparse file of 8 EiB', 'a size given again by a pax record'];

const handsOver = (does: string, archive: () => Promise<Buffer>, judge: Attack['judge'], long: boolean): Attack[] => [
  {
    does: `hands over ${does}`,
    safe: ['result'],
    archive,
    fake: running(async (guest) => {
      await guest.output(await archive());
      await guest.result();
    }),
    ...(judge ? { judge } : {}),
  },
  {
    does: `hands over ${does}, from a machine`,
    safe: ['result'],
    archive,
    guest: { module: 'protocol', name: 'hand_over' },
    ...(judge ? { judge } : {}),
    ...(long ? { long: true as const } : {}),
  },
];

/** Nothing may come of it, and nothing may lie anywhere but where the caller said. */
async function expectRefused(report: GuestReport): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rennet-hostile-'));
  try {
    const refused = { code: 'bad-archive', kind: 'package' };
    await expect(collectWheel(report.output, folder, MAX_BYTES)).rejects.toMatchObject(refused);
    expect(['', 'wheel.whl']).toContain((await readdir(folder)).join());
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Wheels that the archive of the output may hold, but that break a rule of their own: the reader's process refuses them. */
const WHEELS: readonly Attack[] = HOSTILE_WHEELS.filter(({ rule }) => rule === 'archive').flatMap(
  ({ trick, members }, index) => {
    const archive = async (): Promise<Buffer> => {
      const folder = await mkdtemp(join(tmpdir(), 'rennet-hostile-'));
      const path = join(folder, 'wheel');
      await writeZip(path, [{ name: 'curd/__init__.py', content: '' }, ...distInfo(), ...members]);
      const bytes = await readFile(path);
      await rm(folder, { recursive: true });
      const stream = pack();
      stream.entry({ name: WHEEL }, bytes);
      stream.finalize();
      return buffer(stream);
    };
    return handsOver(`a wheel with ${trick}`, archive, expectRejected, index !== 0);
  },
);

async function expectRejected(report: GuestReport): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rennet-hostile-'));
  try {
    const wheel = await collectWheel(report.output, folder, MAX_BYTES);
    const admission = await admit(evidenceOf(wheel.path, wheel.name), portsBelow(folder), new AbortController().signal);
    expect(admission).toMatchObject({ admitted: false, outcome: 'rejected', rule: 'archive' });
  } finally {
    await rm(folder, { recursive: true });
  }
}

export const ARCHIVE_ATTACKS: readonly Attack[] = [
  ...Object.entries(ARCHIVES).flatMap(([does, archive]) =>
    handsOver(does, archive, expectRefused, !IN_QEMU.includes(does)),
  ),
  ...WHEELS,
];
