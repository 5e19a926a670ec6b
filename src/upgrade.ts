import type { ProjectRequest } from './build-closure.ts';
import { planProjects } from './flow.ts';
import { RennetError } from './model/errors.ts';
import type { Plan } from './model/recipe.ts';
import { formatTarget } from './model/target.ts';
import { ownPackages, publishedSource } from './own-packages.ts';
import { newestOf, pythonVersionOf } from './plan/own.ts';
import type { Planned } from './plan/plan.ts';
import type { PlanPorts } from './ports.ts';
import { LOCAL } from './python/client.ts';
import type { PublishedRow } from './store/records.ts';

/** Why a published package stays as it is. */
export type KeptBecause = 'newest' | 'held-back' | 'official' | 'local' | 'other-index' | 'not-on-index';

export interface Kept {
  readonly project: string;
  readonly package: string;
  /** PEP 440. */
  readonly version: string;
  readonly because: KeptBecause;
  readonly sentence: string;
  readonly heldBack: Plan['heldBack'];
}

export interface Upgrade {
  /** What to build; each of them newer than what is published. */
  readonly requests: readonly ProjectRequest[];
  readonly plans: readonly Plan[];
  readonly kept: readonly Kept[];
}

/**
 * Looks for newer releases of what is published for the target, by the same choice as a build. What is not built anew stays installable: so the plan is
 * made again without those that keep their release, until nothing changes. RennetError `unknown-package` for a name that is not published, else as the
 * index client.
 */
export async function planUpgrade(named: readonly string[], ports: PlanPorts, signal: AbortSignal): Promise<Upgrade> {
  const target = ports.archive.facts;
  const rows = await ownPackages(ports.store, target);
  const published = new Map(rows.map(({ project }) => [project, newestOf(rows, project) as PublishedRow]));
  const missing = named.find((project) => !published.has(project));
  if (missing !== undefined)
    throw new RennetError(
      'unknown-package',
      `${missing} is not published for ${formatTarget(target)}.`,
      `rennet build ${missing}`,
    );
  const kept = new Map<string, Kept>();
  const keep = (row: PublishedRow, because: KeptBecause, sentence: string, heldBack: Plan['heldBack'] = []): void => {
    const { project, package: name } = row;
    kept.set(project, { project, package: name, version: pythonVersionOf(row.upstream), because, sentence, heldBack });
  };
  let wanted: PublishedRow[] = [];
  for (const [project, row] of published) {
    if (named.length > 0 && !named.includes(project)) continue;
    const own = `${row.package} ${row.version}`;
    const [official] = ports.archive.dists(project);
    if (official !== undefined)
      keep(
        row,
        'official',
        `${project}: ${target.suite} has it now as ${official.package} ${official.packageVersion}; ${own} stays as it is until rennet remove ${row.package}.`,
      );
    else if ((await publishedSource(ports.store, row))?.origin === LOCAL)
      keep(row, 'local', `${project}: ${own} was made from a local source; rennet build with its path builds it anew.`);
    else wanted.push(row);
  }
  for (;;) {
    const requests = wanted.map(requestFor);
    const { planned } = await planProjects(requests, ports, signal);
    const next = wanted.filter((row) => {
      const found = planned.find(({ project }) => project === row.project);
      if (found === undefined) throw planned.find(({ error }) => error !== undefined)?.error;
      return isNewer(found) || judge(found, row, keep);
    });
    if (next.length === wanted.length) {
      const plans = planned.flatMap(({ plan }) => (plan === undefined ? [] : [plan]));
      return { requests, plans, kept: [...kept.values()] };
    }
    wanted = next;
  }
}

/** Never an older one, also where what is published was yanked since. */
function requestFor({ project, upstream }: PublishedRow): ProjectRequest {
  return { project, specifier: `>=${pythonVersionOf(upstream)}`, forceOfficial: false };
}

function isNewer({ plan }: Planned): boolean {
  return plan?.items.at(-1)?.action === 'build';
}

type Keep = (row: PublishedRow, because: KeptBecause, sentence: string, heldBack?: Plan['heldBack']) => void;

/** Says why a package keeps its release; always false. An error that is not the project's own is thrown on. */
function judge({ plan, error }: Planned, row: PublishedRow, keep: Keep): false {
  const { project } = row;
  if (plan === undefined) {
    if (!(error instanceof RennetError) || error.kind !== 'package') throw error;
    keep(row, 'not-on-index', `${project} stays at ${row.version}: ${error.message}`);
    return false;
  }
  const item = plan.items.at(-1);
  const [newest, ...others] = plan.heldBack;
  const more = others.length === 0 ? '' : ` (and ${others.length} more do not fit either)`;
  if (item?.apart !== undefined)
    keep(
      row,
      'other-index',
      `${project} stays at ${row.version}: it was made from ${item.apart}; name that with --index-url.`,
    );
  else if (item?.action === 'blocked')
    keep(row, 'held-back', `${project} stays at ${row.version}: ${item.sentence}`, plan.heldBack);
  else if (newest === undefined) keep(row, 'newest', `${project} ${item?.version ?? ''} is the newest release.`);
  else
    keep(
      row,
      'held-back',
      `${project} stays at ${row.version}: ${newest.version} ${newest.reason}${more}.`,
      plan.heldBack,
    );
  return false;
}
