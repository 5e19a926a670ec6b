import { createHash } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { RennetError } from '../model/errors.ts';
import { formatTarget } from '../model/target.ts';
import type { AptRoot, Deb } from './apt.ts';
import { writeWhole } from './apt-official.ts';
import { runApt } from './apt-run.ts';

const cachedClosure = z.array(
  z.object({
    package: z.string(),
    version: z.string(),
    architecture: z.string(),
    filename: z.string(),
    uri: z.string(),
    sha256: z.string(),
    bytes: z.number(),
  }),
);

/** Implements `AptRoot.closure`. An answer is kept until the lists change: apt needs 0.3–0.6 s for each, a file 1 ms. */
export async function closeRelations(
  root: AptRoot,
  relations: readonly string[],
  dpkgStatus: string,
  signal: AbortSignal,
): Promise<readonly Deb[]> {
  if (relations.length === 0) return [];
  const statusDigest = createHash('sha256')
    .update(await readFile(dpkgStatus))
    .digest('hex');
  const key = await closureKey(root, relations, statusDigest);
  const kept = join(root.folder, 'closures', `${key}.json`);
  const before = await readKept(kept);
  if (before) return before;
  const debs = await solve(root, relations, dpkgStatus, statusDigest, signal);
  await mkdir(join(root.folder, 'closures'), { recursive: true });
  await writeWhole(kept, JSON.stringify(debs));
  return debs;
}

async function closureKey(root: AptRoot, relations: readonly string[], statusDigest: string): Promise<string> {
  const { inReleases } = await root.lists();
  const lists = await Promise.all(
    inReleases.map(async (path) => {
      const { size, mtimeMs } = await stat(path);
      return [path, size, mtimeMs];
    }),
  );
  return createHash('sha256')
    .update(JSON.stringify([relations, statusDigest, lists]))
    .digest('hex');
}

async function readKept(path: string): Promise<readonly Deb[] | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : cachedClosure.safeParse(JSON.parse(text)).data;
}

async function solve(
  root: AptRoot,
  relations: readonly string[],
  dpkgStatus: string,
  statusDigest: string,
  signal: AbortSignal,
): Promise<Deb[]> {
  const args = [
    'satisfy',
    '--quiet=1',
    '--print-uris',
    '--no-install-recommends',
    '--no-remove',
    '-o',
    `Dir::State::status=${dpkgStatus}`,
    // One cache for each status: two images asked in turn would rebuild a shared one each time (0.4 s).
    '-o',
    `Dir::Cache::pkgcache=pkgcache-${statusDigest.slice(0, 16)}.bin`,
    '--',
    ...relations,
  ];
  const { exitCode, stdout, stderr, complaints } = await runApt(
    'apt-get',
    args,
    { configFile: root.configFile },
    signal,
  );
  if (exitCode === 0) return parsePrintUris(stdout);
  const sentence = unmetSentence(`${stdout}\n${stderr}`) ?? complaints[0] ?? 'apt gave no reason.';
  throw new RennetError(
    'unmet-relations',
    `apt cannot satisfy ${relations.join(', ')} on ${formatTarget(root.target)}: ${sentence}`,
  );
}

/** Reads the lines of `--print-uris`: `'ADDRESS' NAME_VERSION_ARCH.deb BYTES SHA256:HEX`, in the order in which apt would unpack them. */
export function parsePrintUris(text: string): Deb[] {
  const debs: Deb[] = [];
  for (const [, uri = '', name = '', bytes = '', sha256 = ''] of text.matchAll(
    /^'([^'\n]+)' (\S+)\.deb (\d+) SHA256:([0-9a-f]{64})$/gm,
  )) {
    const [packageName, version, architecture] = name.split('_');
    if (packageName === undefined || version === undefined || architecture === undefined) continue;
    const filename = uri.includes('/pool/') ? `pool/${uri.split('/pool/')[1] ?? ''}` : uri;
    debs.push({
      package: packageName,
      version: decodeURIComponent(version),
      architecture,
      filename: decodeURIComponent(filename),
      uri,
      sha256,
      bytes: Number(bytes),
    });
  }
  return debs;
}

/** The first line of apt's explanation, without the synthetic package it stands for. */
export function unmetSentence(output: string): string | undefined {
  const explanation = /have unmet dependencies:\n((?: .*\n?)+)/.exec(output)?.[1];
  if (explanation === undefined) return undefined;
  const reasons = explanation.split('\n').map((line) =>
    line
      .trim()
      .replace(/^satisfy:command-line : /, '')
      .replace(/\s+/g, ' '),
  );
  return `${reasons.filter((line) => line !== '').join('; ')}.`;
}
