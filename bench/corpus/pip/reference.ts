import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { GENERIC_NAMES } from '../../../src/model/generic-names.ts';
import { importableModules } from '../../../src/admit/modules.ts';
import { plainText } from '../../../src/model/text.ts';
import { classifyInstall } from './classify.ts';
import type { PipResult } from './result.ts';
import { type Bounds, type ConfinedEnd, runConfined } from './sandbox.ts';
import type { PipEnvironment } from './settings.ts';

/** What pip is run with. */
export interface PipBench {
  readonly target: string;
  readonly root: string;
  /** Folder of this target below the state's cache: pip's cache and the work folder lie there. */
  readonly place: string;
  readonly environment: PipEnvironment;
  readonly bounds: Bounds;
}

const INSIDE = join(import.meta.dirname, 'inside');
const INSTALL = 'mkdir home tmp empty && python3 -m venv venv && exec venv/bin/python -m pip install -- "$1"';
const IMPORT_MS = 20 * 60_000;

const filesAnswer = z.object({
  found: z.boolean(),
  version: z.string().max(200),
  files: z.array(z.string().max(4096)).max(200_000),
});
const importAnswer = z.object({
  failed: z.array(z.object({ module: z.string().max(300), message: z.string().max(400) })).max(2000),
});

/**
 * Installs a project with pip into a fresh virtual environment of the target's own Python, and imports what Rennet's check would import of it, without
 * network. Runs upload code: see runConfined for what holds it. `log`: gets the last part of what pip said.
 */
export async function tryPip(project: string, bench: PipBench, log: string, signal: AbortSignal): Promise<PipResult> {
  const startedAt = performance.now();
  // Both are fresh: a setup.py of the project before may have put wheels into pip's cache.
  const folders = { work: join(bench.place, 'work'), cache: join(bench.place, 'cache') };
  const clear = async () => {
    for (const folder of Object.values(folders)) await rm(folder, { recursive: true, force: true });
  };
  const end = (found: Partial<PipResult>): PipResult => ({
    project,
    target: bench.target,
    ok: false,
    version: '',
    lastLine: '',
    modules: [],
    ...found,
    wallSeconds: Math.round((performance.now() - startedAt) / 100) / 10,
  });
  await clear();
  try {
    const run = (command: readonly string[], network: boolean, wallMs: number) =>
      runConfined(confined(bench, folders, command, network, wallMs), `pip-${process.pid}`, signal);
    const installed = await run(['sh', '-c', INSTALL, 'sh', project], true, bench.bounds.wallMs);
    await writeFile(log, `${installed.stdout}\n${installed.stderr}`);
    if (installed.bound !== undefined) return end({ class: installed.bound, lastLine: boundLine(installed, bench) });
    if (installed.stdout === '' && installed.stderr.startsWith('bwrap: '))
      return end({ class: 'infrastructure', lastLine: plainText(installed.stderr.split('\n')[0] ?? '') });
    if (installed.status !== 0) return end(classifyInstall(`${installed.stdout}\n${installed.stderr}`));
    const probe = (...args: readonly string[]) =>
      run(['venv/bin/python', '/bench/probe.py', ...args], false, IMPORT_MS);
    const files = read(filesAnswer, await probe('files', project));
    if (files?.found !== true) return end({ class: 'install-failed', lastLine: 'The project is not installed.' });
    const { version } = files;
    const modules = modulesOf(files.files);
    const imports = read(importAnswer, await probe('import', ...modules));
    const failed = imports === undefined ? { module: '', message: 'The imports gave no answer.' } : imports.failed[0];
    if (failed === undefined) return end({ ok: true, version, modules });
    const lastLine = plainText(`${failed.module}: ${failed.message}`);
    return end({ class: 'import-failed', version, modules, lastLine });
  } finally {
    await clear();
  }
}

/** What Rennet's check would import of these installed files (paths relative to site-packages). Pure. */
export function modulesOf(files: readonly string[]): string[] {
  const placed = files
    .filter((site) => !site.startsWith('../') && !site.startsWith('/'))
    .filter((site) => !GENERIC_NAMES.has((site.split('/')[0] ?? '').replace(/\.py$/, '').toLowerCase()))
    .map((site) => ({ kind: 'module' as const, site }));
  return importableModules(placed);
}

function confined(
  bench: PipBench,
  folders: { work: string; cache: string },
  command: readonly string[],
  network: boolean,
  wallMs: number,
) {
  const files = { [bench.environment.certificates]: '/etc/ssl/certs/ca-certificates.crt', [INSIDE]: '/bench' };
  const names = { '/etc/resolv.conf': '/etc/resolv.conf', '/etc/hosts': '/etc/hosts' };
  return {
    root: bench.root,
    ...folders,
    files: network ? { ...files, ...names } : files,
    env: bench.environment.env,
    command,
    network,
    bounds: { ...bench.bounds, wallMs },
  };
}

function boundLine({ bound }: ConfinedEnd, { bounds }: PipBench): string {
  if (bound === 'time') return `Ended after ${Math.round(bounds.wallMs / 60_000)} min.`;
  return `Ended at its bound of ${bound === 'disk' ? bounds.diskMiB : bounds.memoryMiB} MiB of ${bound}.`;
}

/** The last line is the answer: site-packages may print before it. */
function read<T>(schema: z.ZodType<T>, { stdout }: ConfinedEnd): T | undefined {
  try {
    return schema.parse(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? ''));
  } catch {
    return undefined;
  }
}
