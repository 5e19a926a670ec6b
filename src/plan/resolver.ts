import type { ArchiveIndex } from '../debian/archive-index.ts';
import type { LedgerLine } from '../model/outcome.ts';
import type { MetRequirement, Resolution, ResolveRequirements } from '../model/recipe.ts';
import { formatTarget, type TargetFacts } from '../model/target.ts';
import { normaliseProject } from '../model/project-name.ts';
import { evaluateMarker, markerEnvironment, parseRequirement, type Requirement } from '../python/requirement.ts';
import { chooseOfficial, relationsOn } from './official.ts';
import type { PublishedPackage } from './ports.ts';

type Fate = Pick<LedgerLine, 'fate' | 'detail'> & { readonly met?: MetRequirement };

/**
 * Makes the function that says how the target meets requirements. It takes PEP 508 texts as upstream wrote them and
 * the extras that the release offers (Provides-Extra), and never throws: what cannot be read is unmet. Every text and
 * every extra gets exactly one ledger line. `self` is the project that asks: a requirement on itself cannot be met.
 */
export function resolver(
  archive: ArchiveIndex,
  published: readonly PublishedPackage[],
  facts: TargetFacts,
  self = '',
): ResolveRequirements {
  const context = { archive, published, facts, self: normaliseProject(self) };
  return (requirements, extras) => {
    const offered = extras.map(normaliseProject);
    const met: MetRequirement[] = [];
    const unmet: { requirement: string; project: string; sentence: string }[] = [];
    const ledger: LedgerLine[] = [];
    const optional = new Map<string, string[]>();
    for (const text of requirements) {
      const read = readRequirement(text);
      const needed = typeof read === 'string' ? undefined : neededFor(read, facts, offered);
      const fate =
        typeof read === 'string' ? unmetFate(read) : needed === undefined ? meet(text, read, context) : needed.fate;
      if (typeof read !== 'string')
        for (const extra of needed?.extras ?? []) push(optional, extra, packageFor(read, archive));
      if (fate.met !== undefined) met.push(fate.met);
      if (fate.fate === 'unsatisfiable') {
        unmet.push({
          requirement: text,
          project: typeof read === 'string' ? '' : read.project,
          sentence: `${fate.detail}.`,
        });
      }
      ledger.push({ kind: 'requirement', fact: text, fate: fate.fate, detail: fate.detail });
    }
    for (const extra of extras) ledger.push(extraLine(extra, optional.get(normaliseProject(extra)) ?? [], facts));
    return { met, unmet, ledger } satisfies Resolution;
  };
}

interface Context {
  readonly archive: ArchiveIndex;
  readonly published: readonly PublishedPackage[];
  readonly facts: TargetFacts;
  readonly self: string;
}

/** The parsed requirement, or the sentence why it cannot be read. */
function readRequirement(text: string): Requirement | string {
  try {
    const requirement = parseRequirement(text);
    // Markers without meaning throw here, on every target alike.
    evaluateMarker(requirement.marker, ANY_ENVIRONMENT);
    return requirement;
  } catch (error) {
    return `A requirement cannot be read: ${(error instanceof Error ? error.message : 'odd text').replace(/\.$/, '')}`;
  }
}

const ANY_ENVIRONMENT = markerEnvironment({ python: '3.11', pythonFull: '3.11.0', architecture: 'amd64' });

/** Undefined where the plain release needs it; otherwise what becomes of it and the extras that ask for it. */
function neededFor(
  { marker }: Requirement,
  facts: TargetFacts,
  offered: readonly string[],
): { fate: Fate; extras: readonly string[] } | undefined {
  const environment = markerEnvironment(facts);
  if (evaluateMarker(marker, environment)) return undefined;
  const extras = offered.filter((extra) => evaluateMarker(marker, environment, extra));
  if (extras.length === 0) {
    return { fate: { fate: 'not-for-target', detail: `its marker is false on ${formatTarget(facts)}` }, extras };
  }
  return { fate: { fate: 'left-out', detail: `only for the extra ${extras.join(', ')}` }, extras };
}

/** What becomes of a requirement that counts on the target. */
function meet(text: string, requirement: Requirement, { archive, published, facts, self }: Context): Fate {
  const { project, specifier, extras } = requirement;
  const asked = `${project}${specifier}`;
  if (requirement.url !== undefined)
    return unmetFate(`${project} is required from an address of its own, which no package can give`);
  if (project === self) return unmetFate(`${asked} is required by itself`);
  const choice = chooseOfficial(archive, project, specifier);
  if (choice === undefined && isInStandardLibrary(project, archive)) {
    return {
      fate: 'interpreter',
      detail: `${project} is part of Python ${facts.python}`,
      met: {
        requirement: text,
        project,
        by: 'interpreter',
        package: '',
        packageVersion: '',
        version: facts.pythonFull,
        relations: [],
      },
    };
  }
  if (choice === undefined) {
    const own = published.find((row) => row.project === project);
    const more =
      own === undefined
        ? ''
        : `; Rennet's own ${own.package} ${own.version} does not count: official packages only meet requirements`;
    return unmetFate(`${asked} is required, and ${facts.suite} has no package of it${more}`);
  }
  const { dist, upstream = '' } = choice;
  const has = `${dist.package} ${dist.packageVersion}`;
  if (!choice.fits) {
    return unmetFate(
      `${asked} is required, and ${facts.suite} has ${upstream || 'a version that nothing tells'} (${has})`,
    );
  }
  const { relations, approximated } = relationsOn(choice, specifier);
  const notes = approximated.map((clause) => `${clause} has no Debian form and was checked against ${upstream}`);
  if (extras.length > 0)
    notes.push(`what the extra ${extras.join(', ')} of ${project} needs is not known from official packages`);
  return {
    fate: notes.length > 0 ? 'approximated' : 'translated',
    detail: [relations.join(', '), ...notes].join('; '),
    met: {
      requirement: text,
      project,
      by: 'official',
      package: dist.package,
      packageVersion: dist.packageVersion,
      version: upstream,
      relations,
    },
  };
}

function unmetFate(sentence: string): Fate {
  // Parts of it are upstream's own text, which may hold what turns a terminal's line around.
  const detail = sentence.replaceAll(
    /[^\x20-\x7e]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`,
  );
  return { fate: 'unsatisfiable', detail };
}

/** A back-port on the index has the name of its module; the interpreter finds its own module first in any case. */
function isInStandardLibrary(project: string, archive: ArchiveIndex): boolean {
  return archive.stdlibModules.has(project.replaceAll('-', '_'));
}

function packageFor({ project, specifier, url }: Requirement, archive: ArchiveIndex): string | undefined {
  const choice = url === undefined ? chooseOfficial(archive, project, specifier) : undefined;
  return choice?.fits === true ? choice.dist.package : undefined;
}

function extraLine(extra: string, packages: readonly string[], facts: TargetFacts): LedgerLine {
  const has = packages.length === 0 ? '' : `; ${facts.suite} has for it: ${[...new Set(packages)].join(', ')}`;
  return { kind: 'extra', fact: extra, fate: 'left-out', detail: `optional, no dependency${has}` };
}

function push(lists: Map<string, string[]>, key: string, value: string | undefined): void {
  const list = lists.get(key) ?? [];
  if (value !== undefined) list.push(value);
  lists.set(key, list);
}
