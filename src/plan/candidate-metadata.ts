import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RennetError } from '../model/errors.ts';
import type { CoreMetadata, ReleaseFile } from '../model/release.ts';
import type { IndexClient } from '../python/client.ts';
import { parseMetadata } from '../python/metadata.ts';
import { normaliseProject } from '../model/project-name.ts';
import { readSdist } from '../python/sdist.ts';
import { compareVersions } from '../python/version.ts';
import type { Candidate } from './candidates.ts';
import type { Known } from './index-facts.ts';

/** Faults of the release itself; everything else (network, disk, abort) ends the plan. */
const RELEASE_FAULTS = new Set(['bad-metadata', 'bad-archive', 'too-large']);

/**
 * Reads the metadata of a candidate without running any of its code: that of a wheel first, then what the sdist itself
 * binds. The sdist is downloaded only where no wheel tells; the build finds it in the client's cache.
 */
export async function readCandidate(
  candidate: Pick<Candidate, 'version' | 'metadataFiles'>,
  project: string,
  index: IndexClient,
  signal: AbortSignal,
): Promise<Known> {
  let last: Known = { untold: 'no file tells its requirements' };
  for (const file of candidate.metadataFiles) {
    last = await readFile(file, candidate.version, project, index, signal);
    if ('metadata' in last) return last;
  }
  return last;
}

async function readFile(
  file: ReleaseFile,
  version: string,
  project: string,
  index: IndexClient,
  signal: AbortSignal,
): Promise<Known> {
  try {
    const found = await index.metadata(file, signal);
    if (found === undefined && file.kind === 'sdist') return await readInSdist(file, version, project, index, signal);
    if (found === undefined) return { untold: `${file.filename} does not tell its requirements` };
    const metadata = parseMetadata(found.bytes);
    if (normaliseProject(metadata.name) !== project || compareVersions(metadata.version, version) !== 0) {
      const inside = `${metadata.name} ${metadata.version}`;
      return { broken: new RennetError('bad-metadata', `The metadata of ${file.filename} is that of ${inside}.`) };
    }
    return file.kind === 'wheel' || binds(metadata) ? { metadata } : untold(file);
  } catch (error) {
    if (error instanceof RennetError && RELEASE_FAULTS.has(error.code)) return { broken: error };
    throw error;
  }
}

async function readInSdist(
  file: ReleaseFile,
  version: string,
  project: string,
  index: IndexClient,
  signal: AbortSignal,
): Promise<Known> {
  const folder = await mkdtemp(join(tmpdir(), `rennet-plan-${process.pid}-`));
  try {
    const path = join(folder, 'sdist');
    await index.download(file, path, () => {}, signal);
    const { pkgInfo } = await readSdist(path, { project, version }, signal);
    return pkgInfo !== undefined && binds(pkgInfo) ? { metadata: pkgInfo } : untold(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** PEP 643: what an sdist says holds for its wheels from Metadata 2.2 on, for fields that are not dynamic. */
function binds({ metadataVersion, dynamic }: CoreMetadata): boolean {
  return compareVersions(metadataVersion, '2.2') >= 0 && !dynamic.includes('requires-dist');
}

function untold(file: ReleaseFile): Known {
  return { untold: `${file.filename} leaves its requirements to the build` };
}
