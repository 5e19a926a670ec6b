import pLimit from 'p-limit';
import { RennetError } from '../model/errors.ts';
import type { CoreMetadata, Project } from '../model/release.ts';
import { compareVersions } from '../python/version.ts';
import { readCandidate } from './candidate-metadata.ts';
import type { Candidate } from './candidates.ts';
import type { ReleaseRequirements } from './extras.ts';
import type { PlanPorts, PublishedPackage, PublishedSource } from './ports.ts';

/** What is known of a candidate's metadata: itself, that only a build can tell, or that it cannot be read. */
export type Known =
  | { readonly metadata: CoreMetadata }
  | { readonly untold: string }
  | { readonly broken: RennetError };

/** What the index says, each thing asked for once while a plan is made. */
export interface IndexFacts {
  project(name: string): Promise<Project>;
  known(project: string, candidate: Pick<Candidate, 'version' | 'metadataFiles'>): Promise<Known>;
  /**
   * Looks up what a release requires: in the record of the package that Rennet has made of it, else where a wheel of it on
   * the index tells. Afterwards `requirementsOf` has it.
   */
  learn(project: string, version: string, row?: PublishedPackage): Promise<void>;
  /** Where releases of a project come from in this run; see IndexClient. */
  origin(project: string): string;
  /** What a published package was made of. */
  sourceOf(row: PublishedPackage): Promise<PublishedSource | undefined>;
  /** Requires-Dist of a release that was looked up. */
  readonly requirementsOf: ReleaseRequirements;
}

/** Requests to the index that run at the same time. */
const AT_ONCE = 8;

export function createIndexFacts(
  ports: Pick<PlanPorts, 'index' | 'publishedRequirements' | 'publishedSource'>,
  signal: AbortSignal,
): IndexFacts {
  const { index, publishedRequirements, publishedSource } = ports;
  const pages = new Map<string, Promise<Project>>();
  const releases = new Map<string, Promise<Known>>();
  const requirements = new Map<string, readonly string[]>();
  const turn = pLimit(AT_ONCE);
  const once = <T>(kept: Map<string, Promise<T>>, key: string, ask: () => Promise<T>): Promise<T> => {
    const before = kept.get(key);
    if (before !== undefined) return before;
    const asked = turn(ask);
    // Something that was asked for ahead may fail before anybody waits for it.
    asked.catch(() => {});
    kept.set(key, asked);
    return asked;
  };
  const facts: IndexFacts = {
    project: (name) => once(pages, name, () => index.project(name, signal)),
    known: (project, candidate) =>
      once(releases, `${project} ${candidate.version}`, async () => {
        const known = await readCandidate(candidate, project, index, signal);
        if ('metadata' in known) requirements.set(keyOf(project, candidate.version), known.metadata.requiresDist);
        return known;
      }),
    origin: (project) => index.origin(project),
    sourceOf: async (row) => publishedSource?.(row),
    requirementsOf: (project, version) => requirements.get(keyOf(project, version)),
    async learn(project, version, row) {
      const key = keyOf(project, version);
      if (requirements.has(key)) return;
      const recorded = row === undefined ? undefined : await publishedRequirements?.(row);
      if (recorded !== undefined) {
        requirements.set(key, recorded);
        return;
      }
      try {
        const page = await facts.project(project);
        const release = page.releases.find((other) => compareVersions(other.version, version) === 0);
        // The sdist alone would cost a whole download.
        const wheels = release?.files.filter((file) => file.kind === 'wheel').slice(0, 1) ?? [];
        if (release === undefined || wheels.length === 0) return;
        const known = await facts.known(project, { version: release.version, metadataFiles: wheels });
        if ('metadata' in known) requirements.set(key, known.metadata.requiresDist);
      } catch (error) {
        if (!(error instanceof RennetError) || error.kind !== 'package') throw error;
      }
    },
  };
  return facts;
}

/** 1.0 and 1.0.0 are one release. */
function keyOf(project: string, version: string): string {
  return `${project} ${version.replace(/(?<=^\d+(?:\.\d+)*?)(?:\.0+)+(?=$|[^.\d])/, '')}`;
}
