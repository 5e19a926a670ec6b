import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { Admitted } from './admit/admission.ts';
import type { AssembledDeb } from './assemble/assemble.ts';
import type { RunningAttempt } from './attempt.ts';
import { checkedTree } from './checked-tree.ts';
import { check, checkTree, judgeFacts, type Verdict } from './check/check.ts';
import { type Remedy, remedyFor } from './check/remedy.ts';
import type { CheckedTree } from './check/rules/rule.ts';
import { RennetError } from './model/errors.ts';
import type { Evidence } from './model/evidence.ts';
import type { GuestReport } from './model/machine.ts';
import { AttemptEnd, type LedgerLine } from './model/outcome.ts';
import type { MetRequirement, Recipe, Resolution } from './model/recipe.ts';
import { ownClosure, ownPackages } from './own-packages.ts';
import { resolver } from './plan/resolver.ts';
import type { FlowPorts } from './ports.ts';
import { parseRequirement } from './python/requirement.ts';
import { type StagedCheck, stageCheck } from './stage/check-input.ts';

/** What a comparison gave, for the check that follows. */
export interface Compared {
  readonly tree: CheckedTree;
  readonly verdict: Verdict;
}

/** Compares what was admitted with upstream's own wheel of the release. Ends the attempt with the rule that finds a defect. */
export async function compareTree(
  admitted: Admitted,
  evidence: Evidence,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<Compared> {
  return attempt.watch.time('check', async () => {
    const { tree, notes } = await checkedTree(admitted, evidence, ports, signal);
    book(attempt, { check: { ...comparison(tree), notes } });
    const verdict = checkTree(tree);
    return { tree, verdict: { ...verdict, notes: [...notes, ...verdict.notes] } };
  });
}

/**
 * Installs and starts it in a second fresh guest that has only its declared dependencies (docs/check-rules.md). Ends the attempt with the
 * rule that finds a defect, or gives what would mend it; undefined where all is well.
 */
export async function checkDeb(
  deb: AssembledDeb,
  whole: Checkable,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<Remedy | undefined> {
  const { admitted, resolution } = whole;
  const { tree: compared, verdict: first } = whole.compared;
  return attempt.watch.time('check', async () => {
    const ownRequirements = resolution.met.flatMap((met) => (met.by === 'rennet' ? [boundOf(met)] : []));
    const tree = { ...compared, ownRequirements };
    attempt.ledger.push(...first.ledger);
    const request = {
      package: deb.package,
      distribution: admitted.metadata.name,
      version: admitted.metadata.version,
      modules: deb.modules,
      scripts: deb.scripts,
      launchers: admitted.scripts.map(({ name }) => `/usr/bin/${name}`),
      compiled: admitted.elf.map(({ path }) => path),
      entryPoints: tree.entryPoints,
      requirements: resolution.met.flatMap((met) => (met.by === 'interpreter' ? [] : [withExtras(met)])),
    };
    const staged = await stageInput(deb, request, attempt, ports, signal);
    const { driver, images, reset, channel, limits, progress } = ports;
    const checkPorts = {
      driver,
      reset,
      channel,
      progress,
      image: images.runtime,
      limits: limits.check,
      // A package that is mended or gets another build number is checked again.
      folder: await mkdtemp(join(attempt.folder, 'check-guest-')),
      onReport: (report: GuestReport) => attempt.guestEnded('check', report),
    };
    const facts = await check(attempt.id, staged.input, deb.package, checkPorts, signal);
    book(attempt, { check: { ...facts, ...comparison(tree), notes: first.notes } });
    const remedy = remedyFor(facts, tree);
    if (remedy && !whole.mendedBy.includes(remedy.kind)) return remedy;
    const second = judgeFacts(facts, tree);
    attempt.ledger.push(...second.ledger);
    const passed = [...first.passed, ...second.passed];
    const notes = [...first.notes, ...second.notes];
    book(attempt, { check: { ...facts, ...comparison(tree), passed, notes } });
    return undefined;
  });
}

/** What a package is assembled from and checked by. */
export interface Checkable {
  readonly admitted: Admitted;
  readonly compared: Compared;
  readonly resolution: Resolution;
  /** Each kind of remedy helps once; what a package's own code answers decides no more rounds than that. */
  readonly mendedBy: readonly Remedy['kind'][];
}

/** The same with a remedy applied; the ledger tells of it. */
export function mended(remedy: Remedy, whole: Checkable, recipe: Recipe, { archive }: FlowPorts): Checkable {
  const mendedBy = [...whole.mendedBy, remedy.kind];
  if (remedy.kind === 'leave-out') return { ...withoutCommands(whole, remedy.commands), mendedBy };
  const { resolution } = whole;
  const more = resolver(archive, [], recipe.target, recipe)([remedy.project], []);
  const ledger = more.ledger.map((line): LedgerLine => {
    return { ...line, fate: 'approximated', detail: `not declared, but ${remedy.why}: ${line.detail}` };
  });
  return {
    ...whole,
    mendedBy,
    resolution: { ...resolution, met: [...resolution.met, ...more.met], ledger: [...resolution.ledger, ...ledger] },
  };
}

/** The package without the commands that do not start; the check's tree without them as well. */
function withoutCommands(
  { admitted, compared, ...rest }: Checkable,
  commands: Extract<Remedy, { kind: 'leave-out' }>['commands'],
): Checkable {
  const reasons = new Map(commands.map(({ path, why }) => [path, why]));
  const stays = (path: string) => !reasons.has(path);
  const ledger = admitted.ledger.map((line): LedgerLine => {
    const why = reasons.get(line.detail.replace(/: .*/, ''));
    return why === undefined ? line : { ...line, fate: 'left-out', detail: `scripts: does not start: ${why}` };
  });
  const files = admitted.files.filter(({ path }) => stays(path));
  const claims = admitted.claims.filter(stays);
  const programs = admitted.programs.filter(stays);
  const scripts = admitted.scripts.filter(({ name }) => stays(`/usr/bin/${name}`));
  const tree = { ...compared.tree, scripts: compared.tree.scripts.filter(stays) };
  return {
    ...rest,
    admitted: { ...admitted, files, claims, programs, scripts, ledger },
    compared: { ...compared, tree },
  };
}

type CheckRequest = Parameters<typeof stageCheck>[0];

async function stageInput(
  deb: AssembledDeb,
  request: Omit<CheckRequest, 'id' | 'folder' | 'debs' | 'relations'>,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<StagedCheck> {
  const { store, archive, apt, images, progress, state } = ports;
  const own = ownClosure(deb.depends, await ownPackages(store, archive.facts), store);
  const folder = join(attempt.folder, 'check');
  const whole = { ...request, id: attempt.id, folder, debs: [deb.path], ownDebs: own.debs, relations: own.relations };
  const stagePorts = { apt, archive, images, progress, cacheFolder: state.cache };
  const staged = await stageCheck(whole, stagePorts, signal).catch((error: unknown) => {
    if (!(error instanceof RennetError) || error.code !== 'unmet-relations') throw error;
    throw new AttemptEnd({ kind: 'unsatisfiable', sentence: `${deb.package} cannot be installed: ${error.message}` });
  });
  book(attempt, {
    dependencies: staged.closure.map(({ package: name, version }) => `${name} ${version}`),
    ownDependencies: own.debs.map(({ name }) => name),
  });
  return staged;
}

function book(attempt: RunningAttempt, facts: Record<string, unknown>): void {
  attempt.found.evidence = { ...attempt.found.evidence, ...facts };
}

function comparison({ upstream }: CheckedTree): { comparedWith?: string } {
  return upstream === undefined ? {} : { comparedWith: upstream.filename };
}

/** What an extra brought has the text of the requirement that named the extra: that binds no version. */
function boundOf({ requirement, project: named }: MetRequirement): { project: string; specifier: string } {
  const { project, specifier } = parseRequirement(requirement);
  return { project: named, specifier: project === named ? specifier : '' };
}

/** `requests[socks]`: the guest asks the installed project's own metadata what its extras need. */
function withExtras({ requirement, project }: MetRequirement): string {
  const { extras, project: named } = parseRequirement(requirement);
  // What an extra brought has the text of the requirement that named the extra.
  return extras.length === 0 || named !== project ? project : `${project}[${extras.join(',')}]`;
}
