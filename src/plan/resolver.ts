import type { ArchiveIndex } from '../debian/archive-index.ts';
import type { LedgerLine } from '../model/outcome.ts';
import type { DebianRelations } from '../debian/pypi-version.ts';
import type { MetRequirement, Resolution, ResolveRequirements, UnmetRequirement } from '../model/recipe.ts';
import { formatTarget, type TargetFacts } from '../model/target.ts';
import { normaliseProject } from '../model/project-name.ts';
import { evaluateMarker, markerEnvironment, parseRequirement, type Requirement } from '../python/requirement.ts';
import { specifierAccepts } from '../python/version.ts';
import { type Bounds, boundOn, NO_BOUNDS } from './bounds.ts';
import { extraRequirements, formatRequirement, type ReleaseRequirements } from './extras.ts';
import { chooseOfficial, relationsOn } from './official.ts';
import { nameDoubt, newestOf, pythonVersionOf, relationsOnOwn } from './own.ts';
import type { PublishedPackage } from './ports.ts';

interface Fate extends Pick<LedgerLine, 'fate' | 'detail'> {
  readonly met: readonly MetRequirement[];
  readonly unmet: readonly UnmetRequirement[];
}

/**
 * Makes the function that says how the target meets requirements: official packages first, then `published` ones of
 * Rennet's own. It takes PEP 508 texts as upstream wrote them and the extras that the release offers (Provides-Extra),
 * and never throws: what cannot be read is unmet. Every text and every extra gets exactly one ledger line. `self` is the
 * release that asks; where it requires extras of its own, what they bring counts. `requirementsOf` tells what an extra that is asked for brings, `bounds`
 * rule out what would do otherwise.
 */
export function resolver(
  archive: ArchiveIndex,
  published: readonly PublishedPackage[],
  facts: TargetFacts,
  self: { readonly project: string; readonly version: string },
  requirementsOf: ReleaseRequirements = () => undefined,
  bounds: Bounds = NO_BOUNDS,
): ResolveRequirements {
  const own = { ...self, project: normaliseProject(self.project) };
  return (requirements, extras) => {
    const context = { archive, published, facts, self: own, requirements, requirementsOf, bounds };
    const offered = extras.map(normaliseProject);
    const met: MetRequirement[] = [];
    const unmet: UnmetRequirement[] = [];
    const ledger: LedgerLine[] = [];
    const optional = new Map<string, string[]>();
    for (const text of requirements) {
      const read = readRequirement(text);
      const needed = typeof read === 'string' ? unreadFor(text, facts, offered) : neededFor(read, facts, offered);
      const fate =
        needed?.fate ?? (typeof read === 'string' ? unmetFate(text, '', read) : meet(text, read, context, new Set()));
      if (typeof read !== 'string')
        for (const extra of needed?.extras ?? []) push(optional, extra, packageFor(read, archive));
      met.push(...fate.met);
      unmet.push(...fate.unmet);
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
  readonly self: { readonly project: string; readonly version: string };
  /** All that it requires, extras included. */
  readonly requirements: readonly string[];
  readonly requirementsOf: ReleaseRequirements;
  readonly bounds: Bounds;
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
    return {
      fate: { ...NOTHING, fate: 'not-for-target', detail: `its marker is false on ${formatTarget(facts)}` },
      extras,
    };
  }
  return { fate: { ...NOTHING, fate: 'left-out', detail: `only for the extra ${extras.join(', ')}` }, extras };
}

/** Of a text that cannot be read the marker may still say that the plain release does without it. */
function unreadFor(text: string, facts: TargetFacts, offered: readonly string[]): ReturnType<typeof neededFor> {
  const marker = text.lastIndexOf(';');
  const read = marker === -1 ? '' : readRequirement(`x${text.slice(marker)}`);
  const needed = typeof read === 'string' ? undefined : neededFor(read, facts, offered);
  return needed && { ...needed, fate: { ...needed.fate, detail: `${needed.fate.detail}; it cannot be read` } };
}

const NOTHING = { met: [], unmet: [] };

/** What becomes of a requirement that counts on the target; `seen` holds the extras that are being looked at. */
function meet(text: string, requirement: Requirement, context: Context, seen: ReadonlySet<string>): Fate {
  const { archive, published, facts, self, bounds } = context;
  const { project, specifier, extras } = requirement;
  const asked = `${project}${specifier}`;
  const fail = (sentence: string) => unmetFate(text, project, sentence);
  if (requirement.url !== undefined)
    return fail(`${project} is required from an address of its own, which no package can give`);
  if (project === self.project) return meetSelf(text, requirement, context, seen);
  const bound = boundOn(bounds, project);
  const both = [specifier, bound?.specifier ?? ''].filter((part) => part !== '').join(',');
  const choice = chooseOfficial(archive, project, both);
  if (choice === undefined && isInStandardLibrary(project, archive)) {
    const nothing = { package: '', packageVersion: '', relations: [] };
    const met = { requirement: text, project, by: 'interpreter', version: facts.pythonFull, ...nothing } as const;
    return { fate: 'interpreter', detail: `${project} is part of Python ${facts.python}`, met: [met], unmet: [] };
  }
  if (choice !== undefined) {
    const { dist, upstream = '' } = choice;
    const has = `${dist.package} ${dist.packageVersion}`;
    if (!choice.fits)
      return fail(
        `${asked} is required${bound ? `, bound to ${bound.text}` : ''}, and ${facts.suite} has ${upstream || 'a version that nothing tells'} (${has})`,
      );
    const place = { package: dist.package, packageVersion: dist.packageVersion, version: upstream };
    const met = { requirement: text, project, by: 'official', ...place } as const;
    return meetExtras(met, relationsOn(choice, specifier), requirement, context, seen);
  }
  const wanted = { specifier, extras };
  const own = newestOf(published, project);
  if (own === undefined) {
    const doubt = nameDoubt(project, archive);
    return doubt !== undefined
      ? fail(`${asked} is required, and ${doubt}`)
      : unmetFate(text, project, `${asked} is required, and ${facts.suite} has no package of it`, wanted);
  }
  const version = pythonVersionOf(own.upstream);
  if (!specifierAccepts(both, version, { prereleases: true }))
    return unmetFate(
      text,
      project,
      `${asked} is required, and Rennet has ${version} (${own.package} ${own.version})`,
      wanted,
    );
  const met = { requirement: text, project, by: 'rennet', package: own.package, packageVersion: own.version } as const;
  return meetExtras({ ...met, version }, relationsOnOwn(specifier, own.package), requirement, context, seen);
}

/** `foo[all]` among the requirements of foo is met by itself, and by what those extras bring. */
function meetSelf(
  text: string,
  { project, specifier, extras }: Requirement,
  context: Context,
  seen: ReadonlySet<string>,
): Fate {
  const { self, requirements, facts } = context;
  const fits = self.version === '' || specifierAccepts(specifier, self.version, { prereleases: true });
  if (!fits) return unmetFate(text, project, `${project}${specifier} is required by ${project} ${self.version} itself`);
  const asked = extras.filter((extra) => !seen.has(`${project}[${extra}]`));
  const within = new Set([...seen, ...asked.map((extra) => `${project}[${extra}]`)]);
  const brought = extraRequirements(project, requirements, asked, facts).map((extra) => {
    const named = formatRequirement(extra);
    return meet(named, extra, context, within);
  });
  const unmet = brought.flatMap((fate) => fate.unmet);
  const details = brought.map(({ detail }) => detail);
  return {
    fate: unmet.length > 0 ? 'unsatisfiable' : 'translated',
    detail: `it is the package itself${details.length > 0 ? `; the extra ${extras.join(', ')} brings ${details.join(', ')}` : ''}`,
    met: brought.flatMap((fate) => fate.met),
    unmet,
  };
}

/** Adds what the extras bring that a requirement names: the package itself depends on none of it. */
function meetExtras(
  met: Omit<MetRequirement, 'relations'>,
  { relations, approximated }: DebianRelations,
  { project, extras }: Requirement,
  context: Context,
  seen: ReadonlySet<string>,
): Fate {
  const notes = approximated.map((clause) => `${clause} has no Debian form and was checked against ${met.version}`);
  const brought: Fate[] = [];
  const named = extras.join(', ');
  const asked = extras.filter((extra) => !seen.has(`${project}[${extra}]`));
  const requirements = asked.length === 0 ? [] : context.requirementsOf(project, met.version);
  if (requirements === undefined) notes.push(`what the extra ${named} of ${project} needs is not known`);
  const within = new Set([...seen, ...asked.map((extra) => `${project}[${extra}]`)]);
  for (const extra of extraRequirements(project, requirements ?? [], asked, context.facts))
    if (extra.project !== context.self.project) brought.push(meet(met.requirement, extra, context, within));
  const more =
    brought.length === 0 ? [] : [`the extra ${named} brings ${brought.map(({ detail }) => detail).join(', ')}`];
  const unmet = brought.flatMap((fate) => fate.unmet);
  const approximate = notes.length > 0 || brought.some(({ fate }) => fate === 'approximated');
  return {
    fate: unmet.length > 0 ? 'unsatisfiable' : approximate ? 'approximated' : 'translated',
    detail: [relations.join(', '), ...notes, ...more].join('; '),
    met: [{ ...met, relations }, ...brought.flatMap((fate) => fate.met)],
    unmet,
  };
}

function unmetFate(
  requirement: string,
  project: string,
  sentence: string,
  wanted?: NonNullable<UnmetRequirement['wanted']>,
): Fate {
  // Parts of it are upstream's own text, which may hold what turns a terminal's line around.
  const detail = sentence.replaceAll(
    /[^\x20-\x7e]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`,
  );
  const unmet = { requirement, project, sentence: `${detail}.`, ...(wanted && { wanted }) };
  return { fate: 'unsatisfiable', detail, met: [], unmet: [unmet] };
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
