import type { ReleaseFile } from '../model/release.ts';
import type { TargetFacts } from '../model/target.ts';
import { isPureWheel, parseFileName, type WheelTags, wheelFits } from '../python/name.ts';
import { pythonFits } from './python-bounds.ts';

/** True for a wheel that holds nothing compiled, whichever Python 3 it is for. */
export function isPure(file: ReleaseFile, project: string): boolean {
  const tags = tagsOf(file, project);
  return tags !== undefined && isPureWheel(tags);
}

/** The first pure wheel that the target's Python takes, by its tags and its Requires-Python; yanked ones are the caller's to leave out. */
export function pureWheelFor(
  files: readonly ReleaseFile[],
  project: string,
  target: TargetFacts,
): ReleaseFile | undefined {
  // A pure wheel fits or not by its Python tags; the C library plays no part.
  const place = { python: target.python, architecture: target.architecture, glibc: '2.17' };
  return files.find((file) => {
    const tags = tagsOf(file, project);
    return tags !== undefined && isPureWheel(tags) && wheelFits(tags, place) && pythonFits(file.requiresPython, target);
  });
}

/** The platforms that a release has wheels for, as a sentence names them: `manylinux2014_x86_64 and win_amd64`. */
export function wheelPlatforms(files: readonly ReleaseFile[], project: string): string {
  const named = new Set(files.flatMap((file) => tagsOf(file, project)?.platform ?? []));
  const platforms = [...named].toSorted();
  const shown = platforms.slice(0, MAX_SHOWN);
  const rest = platforms.length > shown.length ? [`${platforms.length - shown.length} more`] : [];
  const [last = '', ...before] = [...shown, ...rest].toReversed();
  return before.length === 0 ? last : `${before.toReversed().join(', ')} and ${last}`;
}

const MAX_SHOWN = 4;

function tagsOf(file: ReleaseFile, project: string): WheelTags | undefined {
  const name = parseFileName(project, file.filename);
  return name.kind === 'wheel' ? name.tags : undefined;
}
