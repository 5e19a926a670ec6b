import { buildClosure, type ProjectRequest } from '../build-closure.ts';
import type { RennetError } from '../model/errors.ts';
import type { MachineDriver } from '../model/machine.ts';
import { formatTarget, type Target } from '../model/target.ts';
import type { PlanPorts } from '../ports.ts';
import type { NamedIndex } from '../python/settings.ts';
import { sourcesText } from '../publish/sources.ts';
import type { Attempt } from '../store/records.ts';
import { attemptEvent, resetNote } from './attempt-event.ts';
import { type BuildOptions, sourceFolder } from './build-options.ts';
import { chooseJobs } from './jobs.ts';
import { openFlowPorts, openPlanPorts } from './open-ports.ts';
import { openMirrorDisk } from './mirror-disk.ts';
import { formatPlan, planEvent } from './plan.ts';
import { asRennetError, type CommandContext, EXIT } from './run-command.ts';
import { formatDuration } from './status-line.ts';

/** What is to be built for one target; the ports are those given, with what the person brings added. */
export interface TargetOrder {
  readonly requests: readonly ProjectRequest[];
  readonly ports: PlanPorts;
}

/** Guests for one target, made once, when first asked for. */
export type OpenGuests = (ports: PlanPorts) => ReturnType<typeof openFlowPorts>;

export interface BuildRun {
  readonly options: BuildOptions;
  readonly index?: NamedIndex;
  readonly targets: readonly Target[];
  /** Says what to build, when the target's archive is open. */
  readonly orderFor: (ports: PlanPorts, openGuests: OpenGuests) => Promise<TargetOrder>;
}

interface RunEnd {
  readonly ended: readonly Attempt[];
  readonly isCutShort: boolean;
  readonly warnings: readonly string[];
}

/** Builds for one target after the other (they share the index's answers, not the archive's), sums up, and gives the exit status. */
export async function runBuilds(run: BuildRun, context: CommandContext, startedAt: number): Promise<number> {
  const { targets, options } = run;
  const jobs = await chooseJobs(options, context.state);
  const ends: RunEnd[] = [];
  for (const [number, target] of targets.entries()) {
    const clock = number === 0 ? startedAt : performance.now();
    ends.push(await buildForTarget(run, jobs, target, context, clock));
    if (context.signal.aborted) break;
  }
  const ended = ends.flatMap((end) => end.ended);
  const warnings = [...new Set(ends.flatMap((end) => end.warnings))];
  const status = summarise(ended, warnings, targets, context, startedAt);
  return ends.some(({ isCutShort }) => isCutShort) ? EXIT.infrastructure : status;
}

async function buildForTarget(
  { options, index, orderFor }: BuildRun,
  jobs: number,
  target: Target,
  context: CommandContext,
  startedAt: number,
): Promise<RunEnd> {
  const { output, signal } = context;
  const mirror = options.prerequisites === 'mirror' ? await openMirrorDisk(target.suite, context.state) : undefined;
  const planPorts = await openPlanPorts(context, target, options.hints, index);
  let known: RennetError | undefined;
  let driver: MachineDriver | undefined;
  const warnings = new Set<string>();
  const openGuests: OpenGuests = async (ports) => {
    const folder = sourceFolder(options, target, context);
    const flowPorts = await openFlowPorts(ports, { ...options, sourceFolder: folder, mirror }, context);
    ({ driver } = flowPorts);
    return flowPorts;
  };
  try {
    const { requests, ports } = await orderFor(planPorts, openGuests);
    const { ended, untried } = await buildClosure(
      requests,
      {
        planPorts: ports,
        openFlowPorts: () => openGuests(ports),
        jobs,
        onPlan: (plan) => {
          for (const warning of plan.warnings) warnings.add(`${warning.replace(/\.$/, '')} (${formatTarget(target)}).`);
          output.event('plan', planEvent(plan));
          output.note(formatPlan(plan));
        },
        onWait: output.note,
        onError: (error) => {
          known = asRennetError(error);
          output.error(known);
        },
        onAttempt: (attempt) => {
          output.event('attempt', attemptEvent(attempt));
          // The error has said it already.
          const isSaid = known !== undefined && attempt.sentence.startsWith(known.message);
          output.say(isSaid ? `${attempt.project}: ${attempt.outcome}` : `${attempt.outcome}: ${attempt.sentence}`);
          const booted = resetNote(options.reset, attempt);
          if (booted !== '') output.note(booted);
        },
      },
      startedAt,
      signal,
    );
    const weak = ended.find(({ isolation }) => isolation !== undefined && isolation !== 'hardware');
    if (driver && weak) output.note(`Isolation: ${weak.isolation ?? ''}. ${(await driver.isolation(target)).sentence}`);
    if (untried.length > 0) output.note(`Not tried any more: ${untried.join(', ')}.`);
    return { ended, isCutShort: untried.length > 0, warnings: [...warnings] };
  } finally {
    await driver?.close();
    await planPorts.store.close();
  }
}

function summarise(
  ended: readonly Attempt[],
  warnings: readonly string[],
  targets: readonly Target[],
  context: CommandContext,
  startedAt: number,
): number {
  const { output } = context;
  const count = (...kinds: readonly string[]) => ended.filter(({ outcome }) => kinds.includes(outcome ?? '')).length;
  const published = count('published');
  const skipped = count('skipped-official', 'kept');
  const failed = ended.length - published - skipped;
  const sources = sourcesOf(ended, targets, context);
  const wallMs = Math.round(performance.now() - startedAt);
  for (const warning of warnings) output.warn(warning);
  output.event('summary', { published, skipped, failed, wallMs, warnings, sources });
  if (sources !== '')
    output.say(
      `\nIn ${formatDuration(wallMs)}. For apt, put this into /etc/apt/sources.list.d/rennet.sources:\n\n${sources}`,
    );
  if (count('infrastructure', 'cancelled') > 0) return EXIT.infrastructure;
  return failed > 0 ? EXIT.package : EXIT.success;
}

/** The lines for apt: one source for each suite that something was published for. */
function sourcesOf(ended: readonly Attempt[], targets: readonly Target[], { state }: CommandContext): string {
  const published = ended.filter(({ outcome }) => outcome === 'published');
  const served = targets.filter((target) =>
    published.some((attempt) => formatTarget(attempt) === formatTarget(target)),
  );
  const suites = [...new Set(served.map(({ suite }) => suite))];
  const architectures = (suite: string) =>
    served.filter((target) => target.suite === suite).map((target) => target.architecture);
  return suites.map((suite) => sourcesText(state, suite, architectures(suite))).join('\n');
}
