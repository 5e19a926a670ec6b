import type { Command } from 'commander';
import type { LocalSource } from '../local-source.ts';
import { RennetError } from '../model/errors.ts';
import type { Plan, PlanItem } from '../model/recipe.ts';
import { formatTarget, type Target } from '../model/target.ts';
import { planProjects } from '../flow.ts';
import { openPlanPorts } from './open-ports.ts';
import { chooseTargets, collect, type CommonOptions, withCommonOptions } from './options.ts';
import { type CommandContext, EXIT, runCommand } from './run-command.ts';
import { readWanting, type Wanting, wantedOfTarget, type WantingOptions, withWantingOptions } from './wanting.ts';

interface Options extends CommonOptions, WantingOptions {
  readonly target: readonly string[];
  readonly forceOfficial: boolean;
}

/** `rennet plan PROJECT… [-r FILE] [./PATH]`: what `build` would do, without building. */
export function addPlan(program: Command): void {
  withCommonOptions(withWantingOptions(program.command('plan').description('say what would be built, and why')))
    .option('--target <target>', 'suite/architecture (default: the host); may be repeated', collect, [])
    .option('--force-official', 'plan a private build of what the suite provides', false)
    .action((names: string[], options: Options) =>
      runCommand(options, async (context) => {
        const wanting = await readWanting(names, options, context);
        let isBlocked = false;
        for (const target of await chooseTargets(options.target, context.signal))
          isBlocked = (await planTarget(wanting, options.forceOfficial, target, context)) || isBlocked;
        return isBlocked ? EXIT.package : EXIT.success;
      }),
    );
}

/** Prints the plan of each project; true where one of them is blocked. */
async function planTarget(
  wanting: Wanting,
  forceOfficial: boolean,
  target: Target,
  context: CommandContext,
): Promise<boolean> {
  const { output, signal } = context;
  const opened = await openPlanPorts(context, target, undefined, wanting.index);
  try {
    const { requests, ports } = await wantedOfTarget(wanting, { forceOfficial }, opened, untold, output.note);
    const { planned } = await planProjects(requests, ports, signal);
    const warnings = new Set<string>();
    for (const { plan } of planned) {
      if (plan === undefined) continue;
      output.event('plan', planEvent(plan));
      output.say(formatPlan(plan));
      for (const warning of plan.warnings) warnings.add(warning);
    }
    for (const warning of warnings) output.warn(warning);
    const failed = planned.find(({ plan }) => plan === undefined);
    if (failed !== undefined) throw failed.error;
    return planned.some(({ plan }) => plan?.items.at(-1)?.action === 'blocked');
  } finally {
    await opened.store.close();
  }
}

/** A plan starts no guest. */
function untold({ typed }: LocalSource): Promise<never> {
  return Promise.reject(
    new RennetError(
      'bad-usage',
      `${typed} tells its name or version only when it is built, and a plan builds nothing.`,
      'rennet build finds them out in a guest.',
    ),
  );
}

/** The plan as programs see it (DESIGN, "JSON lines"). */
export function planEvent(plan: Plan): Record<string, unknown> {
  const items = plan.items.map(({ project, version, action, package: name, sentence, needs }) => ({
    project,
    version,
    action,
    package: name,
    sentence,
    needs,
  }));
  return {
    target: formatTarget(plan.target),
    items,
    heldBack: plan.heldBack,
    warnings: plan.warnings,
    notes: plan.notes,
  };
}

const WORDS = { official: 'official', build: 'to build', built: 'built', blocked: 'blocked' } as const;

/** The plan for people: a tree of what requires what, each thing told once, then what was passed over. */
export function formatPlan(plan: Plan): string {
  const items = new Map(plan.items.map((item) => [item.project, item]));
  const lines: string[] = [];
  const told = new Set<string>();
  const tell = (item: PlanItem, depth: number): void => {
    const indent = '  '.repeat(depth);
    const word = WORDS[item.action].padEnd(8);
    if (told.has(item.project)) {
      lines.push(`${word}  ${indent}${item.project} ${item.version}, see above`);
      return;
    }
    told.add(item.project);
    lines.push(`${word}  ${indent}${item.sentence}`);
    for (const need of item.needs) {
      const below = items.get(need);
      if (below !== undefined && below !== item) tell(below, depth + 1);
    }
  };
  const wanted = plan.items.at(-1);
  if (wanted !== undefined) tell(wanted, 0);
  for (const { version, reason } of plan.heldBack) lines.push(`          passed over ${version}: ${reason}`);
  return [...lines, ...plan.notes].join('\n');
}
