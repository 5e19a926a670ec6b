import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { outcomeOfEnd } from '../model/guest-end.ts';
import type { GuestPorts } from '../model/guest-ports.ts';
import type { GuestReport } from '../model/machine.ts';
import { AttemptEnd, type FailureClass } from '../model/outcome.ts';
import { plainText } from '../model/text.ts';
import { canonicalVersion } from '../python/version.ts';

const MACHINE_TRIES = 2;
const message = z.string().max(2000).default('');

const factsSchema = z.object({
  installed: z.boolean(),
  installMessage: message,
  imports: z.array(z.object({ module: z.string().max(300), ok: z.boolean(), message })).max(2000),
  metadata: z.object({
    found: z.boolean(),
    version: z.string().max(200).default(''),
    unmet: z.array(z.string().max(1000)).max(1000),
  }),
  scripts: z
    .array(z.object({ path: z.string().max(300), ok: z.boolean(), exit: z.number().int().nullable(), message }))
    .max(2000),
});
export type CheckFacts = z.infer<typeof factsSchema>;

/** What the check guest must show; written into its job by the host. */
export interface CheckExpectation {
  readonly package: string;
  readonly distribution: string;
  readonly version: string;
  readonly modules: readonly string[];
  readonly scripts: readonly string[];
}

/**
 * Installs a `.deb` in a fresh guest that has only its declared dependencies, imports every module, asks
 * importlib.metadata for the distribution and starts every script. Ends the attempt (AttemptEnd) when one of these fails.
 */
export async function check(
  attempt: string,
  input: string,
  expected: CheckExpectation,
  ports: GuestPorts,
  signal: AbortSignal,
): Promise<CheckFacts> {
  ports.progress({ doing: `checking ${expected.package} in a second fresh guest` });
  for (let round = 1; ; round += 1) {
    const spool = join(ports.folder, `${attempt}-check.${round}`);
    await mkdir(spool, { recursive: true, mode: 0o700 });
    const job = { id: `${attempt}-check`, image: ports.image, reset: ports.reset, input, spool, limits: ports.limits };
    const report = await ports.driver.run(job, signal);
    ports.onReport(report);
    if (report.end === 'infrastructure' && round < MACHINE_TRIES) continue;
    if (report.end !== 'result') throw new AttemptEnd(outcomeOfEnd(report, 'check'));
    return judge(report, expected);
  }
}

function judge(report: GuestReport, expected: CheckExpectation): CheckFacts {
  const facts = factsSchema.safeParse(report.result?.facts);
  if (report.result?.status !== 'ok' || !facts.success)
    throw new AttemptEnd({
      kind: 'check-failed',
      class: 'unknown',
      sentence: `The check of ${expected.package} ended without the agreed answer.`,
    });
  const problem = firstProblem(facts.data, expected);
  if (problem) throw new AttemptEnd({ kind: 'check-failed', ...problem });
  return facts.data;
}

/** The first thing that is not as it should be, or undefined. A guest that leaves a module or script out has not passed. */
export function firstProblem(
  facts: CheckFacts,
  expected: CheckExpectation,
): { class: FailureClass; sentence: string } | undefined {
  const name = expected.package;
  const line = (text: string) => plainText(text).split('\n').at(-1)?.slice(0, 300) ?? '';
  if (!facts.installed)
    return {
      class: 'install-error',
      sentence: `${name} does not install with its declared dependencies: ${line(facts.installMessage)}`,
    };
  for (const module of expected.modules) {
    const seen = facts.imports.find((entry) => entry.module === module);
    if (!seen?.ok)
      return {
        class: 'import-error',
        sentence: `${name} installs, but its module ${module} does not import with only the declared dependencies: ${line(seen?.message ?? 'not tried')}`,
      };
  }
  if (!facts.metadata.found || canonicalVersion(facts.metadata.version) !== canonicalVersion(expected.version))
    return {
      class: 'bad-metadata',
      sentence: `${name} installs, but importlib.metadata finds ${facts.metadata.found ? `version ${plainText(facts.metadata.version)}` : 'nothing'} where ${expected.distribution} ${expected.version} was expected.`,
    };
  for (const path of expected.scripts) {
    const seen = facts.scripts.find((entry) => entry.path === path);
    if (!seen?.ok)
      return {
        class: 'script-error',
        sentence: `${name} installs, but its script ${path} does not start: ${line(seen?.message ?? 'not tried')}`,
      };
  }
  return undefined;
}
