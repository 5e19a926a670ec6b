import { normaliseProject } from '../model/project-name.ts';
import { canonicalVersion } from './version.ts';
import type { WheelTags } from './wheel-tags.ts';

export { isPlatformFree, isPureWheel, wheelFits } from './wheel-tags.ts';
export type { WheelPlace, WheelTags } from './wheel-tags.ts';

/** What a file name of the index says, or why it cannot be read. */
export type FileName =
  | { readonly kind: 'sdist'; readonly version: string; readonly tags?: undefined; readonly unreadable?: undefined }
  | { readonly kind: 'wheel'; readonly version: string; readonly tags: WheelTags; readonly unreadable?: undefined }
  | { readonly kind?: undefined; readonly unreadable: string };

/** Archive kinds that the index still serves and that Rennet does not read. */
const REFUSED = ['.tar.bz2', '.tar.xz', '.tar.Z', '.tar', '.egg', '.exe', '.msi', '.rpm', '.deb', '.dmg'];

/**
 * Reads the name of a file that the index lists for `project` (in any spelling). Never throws: a name that cannot be
 * read, or that belongs to another project, gives the reason. `version` is the PEP 440 normal form.
 */
export function parseFileName(project: string, filename: string): FileName {
  if (filename.length > 255 || !/^[\x21-\x7e]+$/.test(filename) || filename.includes('/')) {
    return { unreadable: 'the name has characters that no distribution file has' };
  }
  if (filename.endsWith('.whl')) return readWheelName(normaliseProject(project), filename.slice(0, -'.whl'.length));
  const suffix = ['.tar.gz', '.tgz', '.zip'].find((ending) => filename.endsWith(ending));
  if (suffix !== undefined) return readSdistName(normaliseProject(project), filename.slice(0, -suffix.length));
  const refused = REFUSED.find((ending) => filename.endsWith(ending));
  return {
    unreadable: refused ? `${refused} files are not read, only .tar.gz, .tgz, .zip and .whl` : 'not a distribution',
  };
}

/** PEP 625 has one dash; older names have dashes in the project, and in versions such as `1.0-1`. The project decides the split. */
function readSdistName(project: string, stem: string): FileName {
  for (let dash = stem.indexOf('-'); dash !== -1; dash = stem.indexOf('-', dash + 1)) {
    if (normaliseProject(stem.slice(0, dash)) !== project) continue;
    const version = canonicalVersion(stem.slice(dash + 1));
    return version === undefined
      ? { unreadable: `"${stem.slice(dash + 1)}" is no PEP 440 version` }
      : { kind: 'sdist', version };
  }
  return { unreadable: `the name is not of project ${project}` };
}

/** PEP 427: name-version(-build)-python-abi-platform. */
function readWheelName(project: string, stem: string): FileName {
  const fields = stem.split('-');
  if (fields.length !== 5 && fields.length !== 6) return { unreadable: 'a wheel name has five or six fields' };
  const [name = '', version = '', ...rest] = fields;
  if (normaliseProject(name) !== project) return { unreadable: `the name is not of project ${project}` };
  // Old tools wrote the dash of `1.0-1` as an underscore, as PEP 427 asked.
  const canonical = canonicalVersion(version) ?? canonicalVersion(version.replaceAll('_', '-'));
  if (canonical === undefined) return { unreadable: `"${version}" is no PEP 440 version` };
  const [python = [], abi = [], platform = []] = rest.slice(-3).map((field) => field.split('.'));
  if ([...python, ...abi, ...platform].some((tag) => !/^\w+$/.test(tag))) return { unreadable: 'a wheel tag is odd' };
  const build = rest.length === 4 ? rest[0] : undefined;
  if (build !== undefined && !/^[0-9]/.test(build)) return { unreadable: 'a build tag starts with a digit' };
  const tags = { ...(build !== undefined && { build }), python, abi, platform };
  return { kind: 'wheel', version: canonical, tags };
}
