import { RennetError } from '../model/errors.ts';
import type { Project } from '../model/release.ts';
import { compareVersions, isPrerelease } from '../python/version.ts';
import { LOCAL } from '../python/client.ts';
import { type Bound, boundOn, refusedByHashes, withHashes } from './bounds.ts';
import { type Candidate, judgeReleases, type Refusal, whyNoRelease } from './candidates.ts';
import { choose } from './chooser.ts';
import { debianVersion } from '../debian/pypi-version.ts';
import { formatRelation, satisfies } from '../debian/relation.ts';
import { enter, type SearchPorts } from './enter.ts';
import { addBlame, askerOf, type Blame, type Failure, isFailure, reasonFrom } from './failure.ts';
import { dependsOf, newestOf, packageName, projectOfPackage, pythonVersionOf } from './own.ts';
import type { IndexFacts } from './index-facts.ts';
import type { PublishedPackage } from './ports.ts';
import { type Decision, type Demand, demandOfRelation, depthOf, firstOpen, type State } from './state.ts';
import { weighMetadata } from './weigh.ts';

/*
 * Settles one project after the other, each on its newest release that goes with what is settled. Where none does, the
 * failure names the decisions that it hangs on, and the search goes back to the latest of those (conflict-directed
 * backjumping; Prosser, "Hybrid algorithms for the constraint satisfaction problem", 1993), over whatever lies between.
 */

/** What was typed, by project. */
export type Roots = ReadonlyMap<string, { readonly forceOfficial: boolean; readonly rebuild: boolean }>;

const MAX_DEPTH = 50;
const MAX_TRIES = 2000;

/**
 * Settles all that is asked for in `start`. Deterministic for the same data. RennetError `unknown-version` and
 * `unknown-project` for what was typed, else as the index client.
 */
export async function search(
  start: State,
  roots: Roots,
  ports: SearchPorts,
  signal: AbortSignal,
): Promise<State | Failure> {
  const { archive, published, facts, target, bounds } = ports;
  let tries = 0;
  return settleAll(start);

  async function settleAll(state: State): Promise<State | Failure> {
    signal.throwIfAborted();
    const open = firstOpen(state);
    return open === undefined ? state : settle(open, state);
  }

  async function settle(project: string, state: State): Promise<State | Failure> {
    const demands = state.demands.get(project) ?? [];
    const isTyped = demands.some(({ by }) => by.length === 0);
    const blame = new Map<string, readonly Demand[] | 'any'>();
    const hints: (readonly Demand[])[] = [];
    const causes = new Map<string, Failure>();
    const row = newestOf(published, project);
    const bound = boundOn(bounds, project);
    const apart = row && (await sourceApart(row, facts));

    /** Settles on one release and goes on from there; a refusal where that leads nowhere and another one may help. */
    const take = async (decision: Decision, asks: readonly Demand[]): Promise<{ taken: State | Failure } | Refusal> => {
      if ((tries += 1) > MAX_TRIES) return { taken: gaveUp(project, decision.version, demands) };
      const next = await enter(state, decision, asks, ports);
      if ('reason' in next) {
        note(next.blame);
        return { as: 'unsatisfiable', reason: next.reason };
      }
      for (const demand of asks) lookAhead(demand, next);
      const found = await settleAll(next);
      if (!isFailure(found) || !found.blame.has(project)) return { taken: found };
      note(found.blame);
      causes.set(decision.version, found);
      return { as: 'unsatisfiable', reason: reasonFrom(found, project, target.suite) };
    };
    const note = (more: Blame): void => {
      addBlame(blame, more, project);
      const hint = more.get(project);
      if (hint !== undefined && hint !== 'any') hints.push(hint);
    };

    if (row !== undefined && (!isTyped || mayStandFor(project, apart))) {
      const version = pythonVersionOf(row.upstream);
      if (demands.every((demand) => demand.accepts(version)) && bound?.accepts(version) !== false) {
        const there = { project, version, action: 'built', row, heldBack: [], forceOfficial: false } as const;
        const verdict = await take({ ...there, ...(apart && { apart }) }, missingBelow(row, project));
        if ('taken' in verdict) return verdict.taken;
      }
    }
    if (row !== undefined && apart !== undefined && roots.get(project)?.forceOfficial !== true)
      return failApart(row, apart);
    if (depthOf(state, project) > MAX_DEPTH) return fail(`lies deeper than ${MAX_DEPTH} requirements`);
    const whole = await pageOf(project, isTyped);
    if (whole === undefined) return fail('', `the index has no project ${project}`);
    const isLocal = facts.origin(project) === LOCAL;
    const page = isLocal ? whole : withHashes(whole, bounds);
    const unlisted = isLocal ? undefined : refusedByHashes(page, whole, bounds);
    if (unlisted !== undefined) return fail(unlisted);
    // What others ask of a typed project holds newer releases back with a reason, as everything else does.
    const counted = demands.filter(({ by, specifier: asked }) => asked !== '' && (!isTyped || by.length === 0));
    const specifier = [...new Set([...counted, ...(bound ? [bound] : [])].map((one) => one.specifier))].join(',');
    const judged = judgeReleases(page, specifier, target);
    if (isTyped && judged.length === 0 && page.releases.length > 0) throw unknownVersion(specifier, page, bound);
    const choice = await choose<State | Failure>(judged, async (candidate, heldBack) => {
      const unread = refuseUnread(candidate);
      if (unread !== undefined) return { as: 'unsatisfiable', reason: unread, unread: true };
      const weighed = await weighMetadata(candidate, project, isTyped, ports);
      if ('reason' in weighed) return weighed;
      const { version } = candidate;
      const decision = { project, version, candidate, heldBack: [...heldBack], ...weighed.known };
      return take({ ...decision, ...(await rootOf(project, candidate, isTyped)) }, weighed.demands);
    });
    if (choice.step === 'chosen') return choice.taken;
    blameDemands(page, judged.length === 0);
    const cause = causes.get(choice.version);
    const told = page.releases.length === 0 ? whyNoRelease(page) : choice.refusal;
    return {
      ...fail(
        told.reason,
        judged.length > 0 || page.releases.length === 0
          ? `${project}${choice.version === '' ? '' : ` ${choice.version}`} ${told.reason}`
          : noneText(demands, state, bound),
      ),
      version: choice.version,
      refusal: told,
      heldBack: choice.heldBack,
      ...(cause && { cause }),
    };

    function fail(reason: string, text = `${project} ${reason}`): Failure {
      const refusal = { as: 'no-source', reason } as const;
      return { failed: project, version: '', refusal, text, heldBack: [], demands, blame: withAsker() };
    }

    function failApart({ package: name, version }: PublishedPackage, source: string): Failure {
      const reason = `is published from ${source} (${name} ${version}), and what ${originWords(facts.origin(project))} has under that name may be something else; rennet remove ${name} makes room for it`;
      return { ...fail(reason), refusal: { as: 'held', reason } };
    }

    /** What rules a release out before anything of it is read. */
    function refuseUnread({ version }: Candidate): string | undefined {
      const against = demands.find((demand) => !demand.accepts(version));
      if (against !== undefined) {
        for (const asker of against.by) blame.set(asker, 'any');
        return `is not ${against.text}, which ${askerOf(against, state)} requires`;
      }
      const hint = hints.find((any) => !any.some((demand) => demand.accepts(version)));
      if (hint !== undefined)
        return `is not ${hint.map(({ text }) => text).join(' or ')}, which ${hint[0]?.by[0] ?? ''} requires`;
      if (row !== undefined && !isTyped && compareVersions(version, pythonVersionOf(row.upstream)) <= 0)
        return `is not newer than ${row.package} ${row.version}, which Rennet has published and apt prefers`;
      const broken = roots.get(project)?.forceOfficial === true ? undefined : brokenBy(project, version, state);
      return broken && `would break ${broken}`;
    }

    /**
     * Somebody who asks must be to blame whatever his release: whoever asks first, where no other is yet. A hint is not
     * enough, because another release of the one who gets it may not ask for this project at all.
     */
    function withAsker(): Blame {
      const askers = demands.flatMap(({ by }) => by);
      const [first] = demands;
      if (!isTyped && !askers.some((asker) => blame.get(asker) === 'any'))
        for (const asker of first?.by ?? []) blame.set(asker, 'any');
      return blame;
    }

    /** Releases that were not even judged hang on the demands that rule them out. */
    function blameDemands(listed: Project, all: boolean): void {
      const possible = all ? listed.releases : judgeReleases(listed, '', target).filter(({ candidate }) => candidate);
      for (const { version: other } of possible) {
        const against = demands.filter((demand) => !demand.accepts(other));
        const latest = against.at(-1);
        if (latest === undefined || against.some(({ by }) => by.every((asker) => blame.get(asker) === 'any'))) continue;
        for (const asker of latest.by) blame.set(asker, 'any');
      }
    }
  }

  async function pageOf(project: string, isTyped: boolean): Promise<Project | undefined> {
    try {
      return await facts.project(project);
    } catch (error) {
      if (!isTyped && error instanceof RennetError && error.kind === 'package') return undefined;
      throw error;
    }
  }

  /** What comes from elsewhere is what the person means, unless this run brings the source or asks for a build. */
  function mayStandFor(project: string, apart: string | undefined): boolean {
    const { forceOfficial = false, rebuild = false } = roots.get(project) ?? {};
    return apart !== undefined && facts.origin(project) !== LOCAL && !forceOfficial && !rebuild;
  }

  /** What is published in that version already is built only where `rebuild` says so, or where the very file is asked for and it was made of another. */
  async function rootOf(
    project: string,
    { version, source, wheels }: Candidate,
    isTyped: boolean,
  ): Promise<Pick<Decision, 'action' | 'row' | 'forceOfficial' | 'rebuild'>> {
    const { forceOfficial = false, rebuild = false } = roots.get(project) ?? {};
    const there = published.find(
      (row) => row.project === project && compareVersions(pythonVersionOf(row.upstream), version) === 0,
    );
    if (!isTyped || forceOfficial || rebuild || there === undefined) return { action: 'build', forceOfficial };
    const isExact = facts.origin(project) === LOCAL || bounds.hashes.has(project);
    const madeOf = isExact ? await facts.sourceOf(there) : undefined;
    // A wheel that stands in the place of the sdist was asked for with it.
    const isMadeOfIt = madeOf && [source, ...wheels].some(({ sha256 }) => sha256 === madeOf.sha256);
    if (isExact && !isMadeOfIt) return { action: 'build', forceOfficial, rebuild: true };
    return { action: 'built', row: there, forceOfficial };
  }

  /** Of what a published package depends on, Rennet's own that are not there any more. */
  function missingBelow(row: { readonly control?: string } & (typeof published)[number], project: string): Demand[] {
    return dependsOf(row).flatMap((relation) => {
      const wanted = projectOfPackage(relation.package, archive);
      if (archive.hasPackage(relation.package) || wanted === undefined) return [];
      const there = newestOf(published, wanted);
      if (there !== undefined && satisfies(relation, there.version)) return [];
      return relation.qualifier === undefined
        ? [demandOfRelation(wanted, formatRelation(relation), project, target)]
        : [];
    });
  }

  /** A published package that a new version of what it depends on would make impossible to install. */
  function brokenBy(project: string, version: string, { decisions }: State): string | undefined {
    const name = packageName(project, archive);
    const debian = debianVersion(version, target.suiteTag);
    for (const row of published) {
      if (row.control?.includes(`${name} (`) !== true || roots.has(row.project)) continue;
      if (decisions.get(row.project)?.action === 'build' || newestOf(published, row.project) !== row) continue;
      const broken = dependsOf(row).find((relation) => relation.package === name && !satisfies(relation, debian));
      if (broken !== undefined)
        return `${row.package} ${row.version}, which is published and needs ${formatRelation(broken)}`;
    }
    return undefined;
  }

  /** Asks for what will be needed, so that independent answers come at the same time. */
  function lookAhead({ project, specifier }: Demand, { decisions }: State): void {
    if (decisions.has(project) || newestOf(published, project) !== undefined) return;
    const first = async () => {
      const page = await facts.project(project);
      const candidate = judgeReleases(page, specifier, target).find((judged) => judged.candidate)?.candidate;
      if (candidate !== undefined) await facts.known(project, candidate);
    };
    first().catch(() => {});
  }
}

/** An index goes on with a package of another one where it lists the very file that the package was made of. */
async function sourceApart(row: PublishedPackage, facts: IndexFacts): Promise<string | undefined> {
  const source = await facts.sourceOf(row);
  if (source === undefined || source.origin === facts.origin(row.project)) return undefined;
  const page = await facts.project(row.project).catch((error: unknown) => {
    if (!(error instanceof RennetError) || error.kind !== 'package') throw error;
    return undefined;
  });
  const listed = page?.releases.some(({ files }) => files.some(({ sha256 }) => sha256 === source.sha256)) === true;
  return listed ? undefined : originWords(source.origin);
}

function originWords(origin: string): string {
  return origin === LOCAL ? 'a local source' : `the index ${origin}`;
}

function unknownVersion(specifier: string, { name, releases }: Project, bound: Bound | undefined): RennetError {
  const finals = releases.filter(({ version }) => !isPrerelease(version));
  const newest = (finals.length > 0 ? finals : releases).slice(0, 3).map(({ version }) => version);
  return new RennetError(
    'unknown-version',
    `The index has no ${name}${specifier}${bound ? `, bound by ${bound.text}` : ''}; ${newest.length === 1 ? 'its only release is' : 'the newest releases are'} ${newest.join(', ')}.`,
    'Ask for one of those, or for another specifier.',
  );
}

function noneText(demands: readonly Demand[], state: State, bound: Bound | undefined): string {
  const [first] = demands;
  const asked = demands
    .filter(({ specifier }) => specifier !== '')
    .map((demand) => `${demand.text} (${askerOf(demand, state)})`);
  if (bound !== undefined) asked.push(bound.text);
  return `the index has no release of ${first?.project ?? ''} that is ${[...new Set(asked)].slice(0, 6).join(' and ')}`;
}

function gaveUp(project: string, version: string, demands: readonly Demand[]): Failure {
  const reason = `no set of releases that go together was found in ${MAX_TRIES} tries`;
  const refusal = { as: 'unsatisfiable', reason } as const;
  return { failed: project, version, refusal, text: reason, heldBack: [], demands, blame: new Map() };
}
