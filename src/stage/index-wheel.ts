import type { Project, ReleaseFile } from '../model/release.ts';
import { parseFileName, type WheelPlace, wheelFits } from '../python/name.ts';
import { isPrerelease, specifierAccepts } from '../python/version.ts';

/** A wheel of the index that fits the build image. */
export interface IndexWheel {
  readonly version: string;
  readonly file: ReleaseFile;
}

/**
 * The newest wheel that a specifier admits and that runs in the build image. Final releases first; pre-releases only where nothing else fits.
 * Undefined where there is none. Yanked files are not used.
 */
export function chooseWheel(
  project: Project,
  specifier: string,
  place: WheelPlace,
  pythonFull: string,
): IndexWheel | undefined {
  const admitted = project.releases.filter(({ version }) =>
    specifierAccepts(specifier, version, { prereleases: true }),
  );
  const finals = admitted.filter(({ version }) => !isPrerelease(version));
  for (const { version, files } of [...finals, ...admitted]) {
    const file = files.find((candidate) => isUsable(candidate, project.name, place, pythonFull));
    if (file) return { version, file };
  }
  return undefined;
}

function isUsable(file: ReleaseFile, project: string, place: WheelPlace, pythonFull: string): boolean {
  if (file.kind !== 'wheel' || file.yanked !== undefined) return false;
  const name = parseFileName(project, file.filename);
  return name.kind === 'wheel' && wheelFits(name.tags, place) && acceptsPython(file.requiresPython, pythonFull);
}

function acceptsPython(specifier: string | undefined, pythonFull: string): boolean {
  if (specifier === undefined) return true;
  try {
    return specifierAccepts(specifier, pythonFull, { prereleases: true });
  } catch {
    // A broken Requires-Python says nothing; pip ignores it as well.
    return true;
  }
}
