import type { TargetFacts } from '../model/target.ts';
import { formatTarget } from '../model/target.ts';
import { RennetError } from '../model/errors.ts';
import { evaluateMarker, markerEnvironment } from '../python/requirement.ts';
import { formatPlace, type RequirementsEntry, type RequirementsFiles } from '../python/requirements-file.ts';
import type { Bounds } from './bounds.ts';

/** One project that is asked for, once, with all that is asked of it. */
export interface Wanted {
  readonly project: string;
  readonly specifier: string;
  readonly extras: readonly string[];
}

/** What the command line and its files ask of one target. */
export interface WantedOn {
  readonly wanted: readonly Wanted[];
  readonly bounds: Bounds;
  /** One sentence for each line that does not count on the target. */
  readonly notes: readonly string[];
}

/**
 * Joins what was typed and what files ask: markers are evaluated for the target, several lines on one project become one. Pure. RennetError `bad-usage` for
 * a marker without meaning, and where two lines on a project name no common hash.
 */
export function wantedOn(typed: readonly Wanted[], files: RequirementsFiles, target: TargetFacts): WantedOn {
  const environment = markerEnvironment(target);
  const notes: string[] = [];
  const counts = ({ requirement, place }: RequirementsEntry): boolean => {
    try {
      if (evaluateMarker(requirement.marker, environment)) return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : '';
      throw new RennetError('bad-usage', `${formatPlace(place)}: ${why}`);
    }
    notes.push(
      `${formatPlace(place)}: ${requirement.project} is not for ${formatTarget(target)}: its marker is false there.`,
    );
    return false;
  };
  const requirements = files.requirements.filter(counts);
  const constraints = files.constraints.filter(counts);
  const asked = [...typed, ...requirements.map(({ requirement }) => requirement)];
  const byProject = Map.groupBy(asked, ({ project }) => project);
  const wanted = [...byProject].map(([project, all]) => ({
    project,
    specifier: [...new Set(all.map(({ specifier }) => specifier).filter((text) => text !== ''))].join(','),
    extras: [...new Set(all.flatMap(({ extras }) => extras))].toSorted(),
  }));
  const bounds = {
    constraints: Map.groupBy(
      constraints
        .filter(({ requirement }) => requirement.specifier !== '')
        .map(({ requirement: { project, specifier }, place }) => ({ project, specifier, place: formatPlace(place) })),
      ({ project }) => project,
    ),
    hashes: hashesOf([...requirements, ...constraints]),
    ...(files.hashMode && { hashMode: formatPlace(files.hashMode) }),
  };
  return { wanted, bounds, notes };
}

/** Of several lines only the hashes count that all of them have, as with pip. */
function hashesOf(entries: readonly RequirementsEntry[]): Bounds['hashes'] {
  const hashes = new Map<string, { sha256: ReadonlySet<string>; place: string }>();
  for (const { requirement, sha256, place } of entries) {
    const { project } = requirement;
    const before = hashes.get(project);
    if (sha256.length === 0) continue;
    const both = before === undefined ? new Set(sha256) : before.sha256.intersection(new Set(sha256));
    if (both.size === 0)
      throw new RennetError(
        'bad-usage',
        `${before?.place ?? ''} and ${formatPlace(place)} name no common hash for ${project}.`,
      );
    hashes.set(project, { sha256: both, place: before?.place ?? formatPlace(place) });
  }
  return hashes;
}
