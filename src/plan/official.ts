import type { ArchiveIndex, OfficialDist } from '../debian/archive-index.ts';
import { type DebianRelations, officialRelations } from '../debian/pypi-version.ts';
import { canonicalVersion, specifierAccepts } from '../python/version.ts';

/** An official package with the upstream version that counts for it; undefined where nothing tells. */
export interface OfficialChoice {
  readonly dist: OfficialDist;
  readonly upstream: string | undefined;
  readonly fits: boolean;
}

/** The official package to compare a specifier with: the best one that fits, else the best one. */
export function chooseOfficial(archive: ArchiveIndex, project: string, specifier: string): OfficialChoice | undefined {
  const choices = archive.dists(project).map((dist) => {
    const upstream = upstreamOf(dist);
    const fits =
      specifier === '' || (upstream !== undefined && specifierAccepts(specifier, upstream, { prereleases: true }));
    return { dist, upstream, fits };
  });
  return choices.find((choice) => choice.fits) ?? choices[0];
}

/**
 * The upstream version of an official package: what its dist-info says, unless that is absurd (no version, or nothing
 * but zeros, as bundles and git snapshots have), then what its Debian version says.
 */
export function upstreamOf(dist: OfficialDist): string | undefined {
  const said = canonicalVersion(dist.upstreamVersion);
  if (said !== undefined && !/^[0.]+(?:\+.*)?$/.test(said)) return said;
  const debian = dist.packageVersion
    .replace(/^\d+:/, '')
    .replace(/-[^-]*$/, '')
    .replace(/^.*\+really/, '');
  // Up to the maintainer's own part: +dfsg, ~ds, +git2023; `~rc1` is upstream's.
  const plain = /^\d+(?:\.\d+)*(?:~?(?:a|b|rc)\d+)?/.exec(debian)?.[0] ?? '';
  return canonicalVersion(plain.replace('~', '')) ?? said;
}

/**
 * Relations on the chosen package; where a bound cannot be written in Debian's form the plain name, with the clauses
 * named.
 */
export function relationsOn({ dist, upstream }: OfficialChoice, specifier: string): DebianRelations {
  const plain = { relations: [dist.package], approximated: specifier === '' ? [] : [specifier] };
  if (upstream === undefined) return plain;
  try {
    return officialRelations(specifier, { package: dist.package, version: dist.packageVersion, upstream });
  } catch {
    return plain;
  }
}
