import type { ParsedMetadata } from './metadata.ts';
import { openWheel } from './wheel-archive.ts';
import { openZip } from './zip.ts';

export { parseEntryPoints } from './entry-points.ts';
export type { EntryPoints, ScriptEntryPoint } from './entry-points.ts';
export { openWheel } from './wheel-archive.ts';
export type { Wheel } from './wheel-archive.ts';
export { unpackWheel } from './wheel-unpack.ts';
export type { UnpackOptions } from './wheel-unpack.ts';

/** Names of the regular files of a wheel. Throws `bad-archive`. */
export async function readWheelNames(path: string): Promise<string[]> {
  const zip = await openZip(path);
  await zip.close();
  return zip.entries.map(({ name }) => name);
}

/** Content of one file of a wheel, at most `maxBytes`. Throws `bad-archive`. */
export async function readWheelMember(path: string, name: string, maxBytes: number): Promise<Uint8Array> {
  const zip = await openZip(path);
  try {
    return await zip.read(name, maxBytes);
  } finally {
    await zip.close();
  }
}

/** Core metadata of a wheel whose identity agrees everywhere. Throws `bad-archive` or `bad-metadata`. */
export async function readWheelMetadata(path: string, filename?: string): Promise<ParsedMetadata> {
  const wheel = await openWheel(path, filename);
  await wheel.close();
  return wheel.metadata;
}
