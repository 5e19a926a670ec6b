import type { Command } from 'commander';
import { Option } from 'commander';
import { buildProject } from '../build-project.ts';
import { RennetError } from '../model/errors.ts';
import type { DriverName, ResetStrategy } from '../model/machine.ts';
import type { Target } from '../model/target.ts';
import type { FlowPorts } from '../ports.ts';
import { sourcesText } from '../publish/sources.ts';
import type { Attempt } from '../store/records.ts';
import { attemptEvent, resetNote } from './attempt-event.ts';
import { openFlowPorts, openPlanPorts } from './open-ports.ts';
import { chooseTarget, type CommonOptions, withCommonOptions } from './options.ts';
import { formatPlan, planEvent } from './plan.ts';
import { parseProjectArgument } from './project-argument.ts';
import { asRennetError, type CommandContext, EXIT, runCommand } from './run-command.ts';
import { formatDuration } from './status-line.ts';

interface BuildOptions extends CommonOptions {
  readonly target?: string;
  readonly driver: DriverName;
  readonly reset: ResetStrategy;
  readonly accelerator: 'auto' | 'kvm' | 'tcg';
  readonly allowUnisolated: boolean;
  readonly forceOfficial: boolean;
  readonly rebuild: boolean;
}

/** `rennet build PROJECT[SPEC]…`: plans, builds, checks, publishes; prints the lines to put into apt's sources. */
export function addBuild(program: Command): void {
  withCommonOptions(
    program
      .command('build')
      .description('build, check and publish')
      .argument('<project...>', 'PROJECT or PROJECT==VERSION'),
  )
    .option('--target <target>', 'suite/architecture (default: the host)')
    .addOption(new Option('--driver <driver>', 'what the guests are').choices(['qemu', 'namespace']).default('qemu'))
    .addOption(
      new Option('--reset <strategy>', 'how a guest starts clean').choices(['memory', 'overlay']).default('memory'),
    )
    .addOption(new Option('--accelerator <name>', 'what QEMU runs on').choices(['auto', 'kvm', 'tcg']).default('auto'))
    .option('--allow-unisolated', 'publish what the namespace driver built, without any isolation', false)
    .option('--force-official', 'private build of what the suite provides; kept, never published', false)
    .option('--rebuild', 'build although it is published already', false)
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
        const target = await chooseTarget(options.target, context.signal);
        return buildAll(wanted, target, options, context, startedAt);
      }),
    );
}

async function buildAll(
  wanted: readonly { project: string; specifier: string }[],
  target: Target,
  options: BuildOptions,
  context: CommandContext,
  startedAt: number,
): Promise<number> {
  const { output, signal } = context;
  const ended: Attempt[] = [];
  const untried: string[] = [];
  let flowPorts: FlowPorts | undefined;
  let isWarned = false;
  const planPorts = await openPlanPorts(context, target);
  try {
    for (const [number, { project, specifier }] of wanted.entries()) {
      const request = { project, specifier, forceOfficial: options.forceOfficial, rebuild: options.rebuild };
      let known: RennetError | undefined;
      const attempt = await buildProject(
        request,
        {
          planPorts,
          openFlowPorts: async () => (flowPorts ??= await openFlowPorts(planPorts, options, context)),
          onPlan: (plan) => {
            output.event('plan', planEvent(plan));
            output.note(formatPlan(plan));
          },
          onWait: output.note,
          onError: (error) => {
            known = asRennetError(error);
            output.error(known);
          },
        },
        number === 0 ? startedAt : performance.now(),
        signal,
      );
      ended.push(attempt);
      output.event('attempt', attemptEvent(attempt));
      output.say(known ? `${project}: ${attempt.outcome}` : `${attempt.outcome}: ${attempt.sentence}`);
      const booted = resetNote(options.reset, attempt);
      if (booted !== '') output.note(booted);
      if (flowPorts && !isWarned && attempt.isolation && attempt.isolation !== 'hardware') {
        isWarned = true;
        output.note(`Isolation: ${attempt.isolation}. ${(await flowPorts.driver.isolation()).sentence}`);
      }
      // What this host or the index lacks, the next project would miss as well.
      if (signal.aborted || known?.kind === 'infrastructure') {
        untried.push(...wanted.slice(number + 1).map((other) => other.project));
        if (untried.length > 0) output.note(`Not tried any more: ${untried.join(', ')}.`);
        break;
      }
    }
  } finally {
    await planPorts.store.close();
  }
  const status = summarise(ended, target, context, startedAt);
  return untried.length > 0 ? EXIT.infrastructure : status;
}

function summarise(ended: readonly Attempt[], target: Target, context: CommandContext, startedAt: number): number {
  const count = (...kinds: readonly string[]) => ended.filter(({ outcome }) => kinds.includes(outcome ?? '')).length;
  const published = count('published');
  const skipped = count('skipped-official', 'kept');
  const failed = ended.length - published - skipped;
  const sources = published > 0 ? sourcesText(context.state, target.suite, [target.architecture]) : '';
  const wallMs = Math.round(performance.now() - startedAt);
  context.output.event('summary', { published, skipped, failed, wallMs, sources });
  if (sources !== '')
    context.output.say(
      `\nIn ${formatDuration(wallMs)}. For apt, put this into /etc/apt/sources.list.d/rennet.sources:\n\n${sources}`,
    );
  if (count('infrastructure', 'cancelled') > 0) return EXIT.infrastructure;
  return failed > 0 ? EXIT.package : EXIT.success;
}
