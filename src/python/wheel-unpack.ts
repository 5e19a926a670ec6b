import { quoted } from '../model/text.ts';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ScriptEntryPoint } from './entry-points.ts';
import type { Wheel } from './wheel.ts';
import { openWheel } from './wheel.ts';
import type { ZipEntry } from './zip.ts';
import { badArchive } from './zip-entry.ts';

export interface UnpackOptions {
  /** `3.11`: decides the folder of the modules. */
  readonly python: string;
  /** The wheel's file name where the file on this host has another. */
  readonly filename?: string;
}

/** A script that is only text with a line to rewrite is never larger. */
const SCRIPT_BYTES = 1024 * 1024;
const INTERPRETER = '#!/usr/bin/python3';

/**
 * Unpacks a build-only wheel of the index into a layer tree, at the places below `usr/local` where Debian's python3 looks,
 * with its console scripts. Files are 0644 or 0755, never written over existing ones; every file that RECORD gives a
 * sha256 for is compared. Throws `bad-archive` or `bad-metadata`; what was written until then stays in `folder`.
 */
export async function unpackWheel(
  path: string,
  folder: string,
  options: UnpackOptions,
  signal?: AbortSignal,
): Promise<void> {
  const wheel = await openWheel(path, options.filename);
  try {
    const [twins] = wheel.zip.twins;
    if (twins !== undefined) throw badArchive(`has names that differ only by case: ${twins.map(quoted).join(', ')}`);
    await unpackAll(wheel, folder, options.python, signal);
  } catch (error) {
    throw isCollision(error) ? badArchive('has two files for one place', error) : error;
  } finally {
    await wheel.close();
  }
}

async function unpackAll(wheel: Wheel, folder: string, python: string, signal?: AbortSignal): Promise<void> {
  const tree = createTree(folder);
  for (const entry of wheel.zip.entries) {
    signal?.throwIfAborted();
    const { path, script } = destination(wheel, entry.name, python);
    await tree.prepare(path);
    await unpackFile(wheel, entry, join(folder, path), script);
  }
  for (const script of [...wheel.entryPoints.consoleScripts, ...wheel.entryPoints.guiScripts]) {
    const path = `usr/local/bin/${script.name}`;
    await tree.prepare(path);
    await writeFile(join(folder, path), launcher(script), { flag: 'wx' });
    await chmod(join(folder, path), 0o755);
  }
}

/** PEP 427: the root and the folders of `.data`, each to its place in Debian's scheme for local packages. */
function destination(wheel: Wheel, name: string, python: string): { path: string; script: boolean } {
  const modules = `usr/local/lib/python${python}/dist-packages`;
  if (wheel.data === undefined || !name.startsWith(`${wheel.data}/`)) {
    return { path: `${modules}/${name}`, script: false };
  }
  const [key = '', ...rest] = name.slice(wheel.data.length + 1).split('/');
  const below: Readonly<Record<string, string>> = {
    purelib: modules,
    platlib: modules,
    scripts: 'usr/local/bin',
    headers: `usr/local/include/python${python}/${wheel.project}`,
    data: 'usr/local',
  };
  const base = below[key];
  if (base === undefined || rest.length === 0) throw badArchive(`has ${quoted(name)} in an unknown data folder`);
  return { path: `${base}/${rest.join('/')}`, script: key === 'scripts' };
}

async function unpackFile(wheel: Wheel, { name, bytes, mode }: ZipEntry, path: string, script: boolean): Promise<void> {
  const { sha256 } = await wheel.zip.extractTo(name, path);
  const recorded = wheel.record.get(name);
  if (recorded !== undefined && recorded !== sha256) throw badArchive(`has another ${quoted(name)} than RECORD says`);
  await chmod(path, script || (mode & 0o111) !== 0 ? 0o755 : 0o644);
  if (!script || bytes > SCRIPT_BYTES) return;
  const content = await wheel.zip.read(name, SCRIPT_BYTES);
  // PEP 427: `#!python` and `#!pythonw` stand for the interpreter.
  const line = /^#!pythonw?(?=[ \r\n]|$)/.exec(content.subarray(0, 20).toString('latin1'))?.[0];
  if (line !== undefined) {
    await writeFile(path, Buffer.concat([Buffer.from(INTERPRETER), content.subarray(line.length)]));
  }
}

function launcher({ module, attribute }: ScriptEntryPoint): string {
  const [first] = attribute.split('.');
  return `${INTERPRETER}\nimport sys\nfrom ${module} import ${first}\nsys.exit(${attribute}())\n`;
}

function isCollision(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EEXIST' || error.code === 'ENOTDIR');
}

/** Makes parent folders that everyone may read, whatever the umask: the guest builds as another user. */
function createTree(folder: string): { prepare(path: string): Promise<void> } {
  const made = new Set<string>(['.']);
  const prepare = async (path: string): Promise<void> => {
    const parent = dirname(path);
    if (made.has(parent)) return;
    await prepare(parent);
    const isNew = (await mkdir(join(folder, parent), { recursive: true })) !== undefined;
    if (isNew) await chmod(join(folder, parent), 0o755);
    made.add(parent);
  };
  return { prepare };
}
