import { chmod, constants, copyFile } from 'node:fs/promises';
import { fileError, sha256OfFile } from '../host/files.ts';
import { RennetError } from '../model/errors.ts';
import { normaliseProject } from '../model/project-name.ts';
import type { ReleaseFile } from '../model/release.ts';
import { printable } from './address.ts';
import { type IndexClient, LOCAL } from './client.ts';

/** What a person gave as a folder, an sdist or a wheel, as a release of its own. */
export interface LocalRelease {
  /** PEP 503 normalised. */
  readonly project: string;
  /** PEP 440 normal form. */
  readonly version: string;
  /** `sha256` is there. */
  readonly file: ReleaseFile;
  /** Where its bytes lie on this host. */
  readonly path: string;
  /** Its core metadata, as far as it is told without a build. */
  readonly metadata?: Uint8Array;
}

/** The address of a local file: it says nothing of where the file lies on this host. */
export function localAddress(filename: string): string {
  return `${LOCAL}:${encodeURIComponent(filename)}`;
}

/** The address of a file as it may be written down: without password and signed query. */
export function shownAddress(file: Pick<ReleaseFile, 'url'>): string {
  return isLocal(file) ? file.url : printable(new URL(file.url));
}

export function isLocal({ url }: Pick<ReleaseFile, 'url'>): boolean {
  return url.startsWith(`${LOCAL}:`);
}

/**
 * An index in which local releases stand in the place of the projects of their names: nothing else of those names is seen, so that no release of a
 * stranger's can take their place.
 */
export function withLocal(index: IndexClient, releases: readonly LocalRelease[]): IndexClient {
  if (releases.length === 0) return index;
  const byName = new Map(releases.map((release) => [release.project, release]));
  const localOf = (file: ReleaseFile): LocalRelease | undefined =>
    isLocal(file) ? releases.find((release) => release.file.url === file.url) : undefined;
  return {
    origin: (name) => (byName.has(normaliseProject(name)) ? LOCAL : index.origin(name)),
    project(name, signal) {
      const local = byName.get(normaliseProject(name));
      if (local === undefined) return index.project(name, signal);
      const { project, version, file } = local;
      return Promise.resolve({ name: project, releases: [{ version, files: [file] }], unreadable: [] });
    },
    metadata(file, signal) {
      const local = localOf(file);
      if (local === undefined) return index.metadata(file, signal);
      return Promise.resolve(local.metadata && { bytes: local.metadata, source: 'pep658' });
    },
    // A local release has no wheels that it is compared with.
    wheelMember: (file, member, signal) =>
      isLocal(file) ? Promise.resolve(undefined) : index.wheelMember(file, member, signal),
    async download(file, path, progress, signal) {
      const local = localOf(file);
      if (local === undefined) return index.download(file, path, progress, signal);
      try {
        await copyFile(local.path, path, constants.COPYFILE_FICLONE);
        await chmod(path, 0o644);
      } catch (cause) {
        throw fileError(cause, path);
      }
      // Between plan and build a person may have saved the file again.
      const sha256 = await sha256OfFile(path, signal);
      if (sha256 === file.sha256) return { bytes: file.bytes ?? 0, sha256 };
      throw new RennetError('bad-usage', `${file.filename} was changed while Rennet worked on it.`, 'Run it again.');
    },
  };
}
