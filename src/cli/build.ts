import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { buildClosure, type ProjectRequest } from '../build-closure.ts';
import { RennetError } from '../model/errors.ts';
import type { DriverName, MachineDriver, ResetStrategy } from '../model/machine.ts';
import { formatTarget, type Target } from '../model/target.ts';
import { sourcesText } from '../publish/sources.ts';
import type { Attempt } from '../store/records.ts';
import { attemptEvent, resetNote } from './attempt-event.ts';
import { openFlowPorts, openPlanPorts } from './open-ports.ts';
import { chooseTargets, collect, type CommonOptions, withCommonOptions } from './options.ts';
import { formatPlan, planEvent } from './plan.ts';
import { parseProjectArgument } from './project-argument.ts';
import { asRennetError, type CommandContext, EXIT, runCommand } from './run-command.ts';
import { formatDuration } from './status-line.ts';

interface BuildOptions extends CommonOptions {
  readonly target: readonly string[];
  readonly jobs: number;
  readonly driver: DriverName;
  readonly reset: ResetStrategy;
  readonly accelerator: 'auto' | 'kvm' | 'tcg';
  readonly allowUnisolated: boolean;
  readonly hints?: string;
  readonly forceOfficial: boolean;
  readonly rebuild: boolean;
  readonly tests: boolean;
  readonly source: boolean;
  readonly output?: string;
}

/** `rennet build PROJECT[SPEC]…`: plans, builds, checks, publishes; prints the lines to put into apt's sources. */
export function addBuild(program: Command): void {
  withCommonOptions(
    program
      .command('build')
      .description('build, check and publish')
      .argument('<project...>', 'PROJECT or PROJECT==VERSION'),
  )
    .option('--target <target>', 'suite/architecture (default: the host); may be repeated', collect, [])
    .option('--jobs <number>', 'how many are built at once', parseJobs, DEFAULT_JOBS)
    .addOption(new Option('--driver <driver>', 'what the guests are').choices(['qemu', 'namespace']).default('qemu'))
    .addOption(
      new Option('--reset <strategy>', 'how a guest starts clean').choices(['memory', 'overlay']).default('memory'),
    )
    .addOption(new Option('--accelerator <name>', 'what QEMU runs on').choices(['auto', 'kvm', 'tcg']).default('auto'))
    .option('--allow-unisolated', 'publish what the namespace driver built, without any isolation', false)
    .option('--hints <file>', 'another hints file than hints.toml of the state folder')
    .option('--force-official', 'private build of what the suite provides; kept, never published', false)
    .option('--rebuild', 'build although it is published already', false)
    .option('--tests', "run upstream's tests in a third guest and report them; builds again what is published", false)
    .option('--source', 'write a Debian source package as well; builds again what is published', false)
    .option('--output <folder>', 'where source packages go (default: sources/SUITE of the state folder)')
    .action((names: string[], options: BuildOptions) =>
      runCommand(options, async (context) => {
        const startedAt = performance.now();
        const wanted = names.map(parseProjectArgument);
        if (options.driver === 'namespace' && !options.allowUnisolated && !options.forceOfficial)
          throw new RennetError(
            'not-isolated',
            'The namespace driver isolates nothing, so what it builds is not published.',
            'Use --driver qemu, or say --allow-unisolated.',
          );
        if (options.output !== undefined && !options.source)
          throw new RennetError(
            'bad-usage',
            '--output says where source packages go, and none were asked for.',
            'Add --source.',
          );
        const requests = wanted.map((project) => ({
          ...project,
          forceOfficial: options.forceOfficial,
          // Tests and source packages are made on the way; the same bytes stay the same package.
          rebuild: options.rebuild || options.tests || options.source,
        }));
        const targets = await chooseTargets(options.target, context.signal);
        return buildTargets(requests, targets, options, context, startedAt);
      }),
    );
}

/** People take the files from there: the folder is theirs, or one of the state folder. */
function sourceFolder(options: BuildOptions, target: Target, { state }: CommandContext): string | undefined {
  if (!options.source) return undefined;
  return options.output === undefined ? join(state.sources, target.suite) : resolve(options.output);
}

/** Guests are heavy: half of the processors, and never many at once. */
const DEFAULT_JOBS = Math.min(4, Math.max(1, Math.floor(availableParallelism() / 2)));

function parseJobs(text: string): number {
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= 64) return jobs;
  throw new InvalidArgumentError('Give a number from 1 to 64.');
}

/** One target after the other: they share the index's answers, not the archive's. */
async function buildTargets(
  requests: readonly ProjectRequest[],
  targets: readonly Target[],
  options: BuildOptions,
  context: CommandContext,
  startedAt: number,
): Promise<number> {
  const ended: Attempt[] = [];
  let isCutShort = false;
  for (const [number, target] of targets.entries()) {
    const clock = number === 0 ? startedAt : performance.now();
    const run = await buildAll(requests, target, options, context, clock);
    ended.push(...run.ended);
    isCutShort ||= run.untried.length > 0;
    if (context.signal.aborted) break;
  }
  const status = summarise(ended, targets, context, startedAt);
  return isCutShort ? EXIT.infrastructure : status;
}

async function buildAll(
  requests: readonly ProjectRequest[],
  target: Target,
  options: BuildOptions,
  context: CommandContext,
  startedAt: number,
): Promise<{ ended: readonly Attempt[]; untried: readonly string[] }> {
  const { output, signal } = context;
  const planPorts = await openPlanPorts(context, target, options.hints);
  let known: RennetError | undefined;
  let driver: MachineDriver | undefined;
  try {
    const run = await buildClosure(
      requests,
      {
        planPorts,
        openFlowPorts: async () => {
          const more = { ...options, sourceFolder: sourceFolder(options, target, context) };
          const flowPorts = await openFlowPorts(planPorts, more, context);
          ({ driver } = flowPorts);
          return flowPorts;
        },
        jobs: options.jobs,
        onPlan: (plan) => {
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
    const weak = run.ended.find(({ isolation }) => isolation !== undefined && isolation !== 'hardware');
    if (driver && weak) output.note(`Isolation: ${weak.isolation ?? ''}. ${(await driver.isolation()).sentence}`);
    if (run.untried.length > 0) output.note(`Not tried any more: ${run.untried.join(', ')}.`);
    return run;
  } finally {
    await planPorts.store.close();
  }
}

function summarise(
  ended: readonly Attempt[],
  targets: readonly Target[],
  context: CommandContext,
  startedAt: number,
): number {
  const count = (...kinds: readonly string[]) => ended.filter(({ outcome }) => kinds.includes(outcome ?? '')).length;
  const published = count('published');
  const skipped = count('skipped-official', 'kept');
  const failed = ended.length - published - skipped;
  const sources = sourcesOf(ended, targets, context);
  const wallMs = Math.round(performance.now() - startedAt);
  context.output.event('summary', { published, skipped, failed, wallMs, sources });
  if (sources !== '')
    context.output.say(
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
