import type { Command } from 'commander';
import type { Plan } from '../model/recipe.ts';
import { formatTarget } from '../model/target.ts';
import { planProject } from '../flow.ts';
import { openPlanPorts } from './open-ports.ts';
import { chooseTarget, type CommonOptions, withCommonOptions } from './options.ts';
import { parseProjectArgument } from './project-argument.ts';
import { EXIT, runCommand } from './run-command.ts';

/** `rennet plan PROJECT…`: what `build` would do, without building. */
export function addPlan(program: Command): void {
  withCommonOptions(
    program
      .command('plan')
      .description('say what would be built, and why')
      .argument('<project...>', 'PROJECT or PROJECT==VERSION'),
  )
    .option('--target <target>', 'suite/architecture (default: the host)')
    .option('--force-official', 'plan a private build of what the suite provides', false)
    .action((names: string[], options: CommonOptions & { target?: string; forceOfficial: boolean }) =>
      runCommand(options, async (context) => {
        const wanted = names.map(parseProjectArgument);
        const target = await chooseTarget(options.target, context.signal);
        const ports = await openPlanPorts(context, target);
        let blocked = false;
        try {
          for (const { project, specifier } of wanted) {
            const request = { project, specifier, forceOfficial: options.forceOfficial, rebuild: false };
            const plan = await planProject(request, ports, context.signal);
            context.output.event('plan', planEvent(plan));
            context.output.say(formatPlan(plan));
            blocked ||= plan.items.some((item) => item.action === 'blocked');
          }
        } finally {
          await ports.store.close();
        }
        return blocked ? EXIT.package : EXIT.success;
      }),
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
  return { target: formatTarget(plan.target), items, heldBack: plan.heldBack, notes: plan.notes };
}

const WORDS = { official: 'official', build: 'to build', built: 'built', blocked: 'blocked' } as const;

/** The plan for people: one line an item in build order, then what was passed over. */
export function formatPlan(plan: Plan): string {
  const lines = plan.items.map((item) => `${WORDS[item.action].padEnd(8)}  ${item.sentence}`);
  for (const { version, reason } of plan.heldBack) lines.push(`          passed over ${version}: ${reason}`);
  return [...lines, ...plan.notes].join('\n');
}
