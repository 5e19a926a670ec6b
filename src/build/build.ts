import { z } from 'zod';
import { runStageGuest } from '../machine/stage-guest.ts';
import { RennetError } from '../model/errors.ts';
import type { Evidence } from '../model/evidence.ts';
import { outcomeOfEnd } from '../model/guest-end.ts';
import type { GuestPorts } from '../model/guest-ports.ts';
import type { GuestReport } from '../model/machine.ts';
import { AttemptEnd } from '../model/outcome.ts';
import type { Recipe } from '../model/recipe.ts';
import { collectWheel } from './collect.ts';
import { failureOf } from './failure.ts';

/** A hook may ask for more requirements, each round in a fresh guest; more rounds than this is a hook that never settles. */
const MAX_ROUNDS = 5;

const requirementText = z.string().min(1).max(1000);
const okFacts = z.object({
  wheel: z.string().max(250),
  hookRequirements: z.array(requirementText).max(200).default([]),
  sharedLibraries: z.array(z.string().max(300)).max(500).default([]),
});
const needsFacts = z.object({ requirements: z.array(requirementText).min(1).max(200) });
const failedFacts = z.object({
  step: z.string().max(50),
  exit: z.number().int().optional(),
  message: z.string().max(2000).default(''),
});

/**
 * Builds one release in fresh guests until the hooks ask for nothing new.
 * `prepare` lays out the input folder for the requirements known so far (the stage before this one).
 * Ends the attempt (AttemptEnd) when the guest failed, ran into a limit or gave something unreadable.
 */
export async function build(
  recipe: Recipe,
  attempt: string,
  prepare: (extraRequirements: readonly string[]) => Promise<{ input: string }>,
  ports: GuestPorts,
  signal: AbortSignal,
): Promise<Evidence> {
  const asked = new Set<string>();
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    const { input } = await prepare([...asked]);
    ports.progress({ doing: `building ${recipe.project} ${recipe.version} in a fresh guest` });
    const report = await runGuest(`${attempt}-${round}`, input, ports, signal);
    if (report.result?.status !== 'needs') return evidenceOf(recipe, report, ports);
    const { requirements } = readFacts(needsFacts, report);
    const fresh = requirements.filter((requirement) => !asked.has(requirement));
    if (fresh.length === 0) break;
    for (const requirement of fresh) asked.add(requirement);
  }
  throw new AttemptEnd({
    kind: 'build-failed',
    class: 'back-end-error',
    sentence: `The build hook of ${recipe.project} ${recipe.version} still asked for requirements after ${MAX_ROUNDS} fresh guests.`,
  });
}

async function runGuest(id: string, input: string, ports: GuestPorts, signal: AbortSignal): Promise<GuestReport> {
  const report = await runStageGuest(id, input, ports, signal);
  if (report.end !== 'result') throw new AttemptEnd(outcomeOfEnd(report, 'build'));
  return report;
}

async function evidenceOf(recipe: Recipe, report: GuestReport, ports: GuestPorts): Promise<Evidence> {
  if (report.result?.status === 'failed') throw await failureOf(recipe, readFacts(failedFacts, report), report.log);
  const facts = readFacts(okFacts, report);
  const wheel = await collectWheel(report.output, ports.folder, ports.limits.outputBytes).catch((error: unknown) => {
    if (!(error instanceof RennetError) || error.kind !== 'package') throw error;
    throw new AttemptEnd({ kind: 'rejected', rule: 'guest-output', sentence: error.message });
  });
  return {
    recipe,
    wheel: wheel.path,
    wheelName: wheel.name,
    facts: { sharedLibraries: facts.sharedLibraries, hookRequirements: facts.hookRequirements },
  };
}

function readFacts<T>(schema: z.ZodType<T>, report: GuestReport): T {
  const facts = schema.safeParse(report.result?.facts);
  if (facts.success) return facts.data;
  throw new AttemptEnd({
    kind: 'rejected',
    rule: 'guest-facts',
    sentence: "The guest's result does not have the agreed shape; nothing of it is used.",
  });
}
