import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Admitted } from './admit/admission.ts';
import type { AssembledDeb } from './assemble/assemble.ts';
import type { RunningAttempt } from './attempt.ts';
import { TESTS_LIMITS, TESTS_SECONDS } from './limits.ts';
import { RennetError } from './model/errors.ts';
import type { GuestReport } from './model/machine.ts';
import type { Recipe } from './model/recipe.ts';
import { ownClosure, ownPackages, publishedRequirements } from './own-packages.ts';
import { extraRequirements, formatRequirement } from './plan/extras.ts';
import { createIndexFacts } from './plan/index-facts.ts';
import { learnExtras } from './plan/learn-extras.ts';
import { resolver } from './plan/resolver.ts';
import type { FlowPorts } from './ports.ts';
import { parseRequirement } from './python/requirement.ts';
import { readSdist } from './python/sdist.ts';
import { stageTests } from './stage/stage.ts';
import { declaredTests } from './tests/declared.ts';
import { notRun, nothingToRun, type TestReport } from './tests/report.ts';
import { runTests } from './tests/run-tests.ts';
import { selectAll, selectTests } from './tests/select.ts';

/**
 * Runs upstream's tests against the checked package in a third fresh guest and writes down what became of them. Nothing that goes wrong here
 * changes how the attempt ends; only a cancelled one ends.
 */
export async function testDeb(
  deb: AssembledDeb,
  admitted: Admitted,
  recipe: Recipe,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<void> {
  // Other bytes under the same version are assembled and checked again; the tests of them have been run.
  if (ports.tests !== true || attempt.found.evidence?.['tests'] !== undefined) return;
  const tests = await attempt.watch.time('tests', () =>
    testsOf(deb, admitted, recipe, attempt, ports, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      return notRun(error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'something went wrong.');
    }),
  );
  signal.throwIfAborted();
  attempt.found.evidence = { ...attempt.found.evidence, tests };
}

async function testsOf(
  deb: AssembledDeb,
  admitted: Admitted,
  recipe: Recipe,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<TestReport> {
  const { driver, images, reset, channel, progress, state, apt, archive } = ports;
  if (recipe.source.kind !== 'sdist') return nothingToRun('the package was made of a wheel, not of an sdist.');
  progress({ doing: `running upstream's tests of ${recipe.project} ${recipe.version}` });
  const sdist = join(attempt.folder, 'stage/in/source', recipe.source.filename);
  const facts = await readSdist(sdist, recipe, signal);
  const names = facts.names.map((name) => name.slice(facts.top.length + 1));
  const command = recipe.hint?.testCommand;
  const installed = admitted.files.map(({ path }) => path);
  const chosen = command === undefined ? selectTests(names, installed) : selectAll(names, installed);
  if (typeof chosen === 'string') return nothingToRun(chosen);

  const declared = declaredTests(admitted.metadata.providesExtra, facts.pyproject);
  const needed = await meetDeclared(declared, admitted, recipe, ports, signal);
  const pytest = archive.dists('pytest')[0]?.package;
  const published = await ownPackages(ports.store, archive.facts);
  const asksForPytest = needed.projects.has('pytest') || chosen.installed.length > 0;
  const runner = command !== undefined ? 'command' : asksForPytest ? 'pytest' : 'auto';
  const selection = { ...chosen, runner, command: command ?? '', seconds: TESTS_SECONDS } as const;
  const request = (relations: readonly string[]) => {
    const own = ownClosure(
      [...deb.depends, ...(pytest === undefined ? [] : [pytest]), ...relations],
      published,
      ports.store,
    );
    return {
      id: attempt.id,
      package: deb.package,
      folder: join(attempt.folder, 'tests'),
      debs: [deb.path],
      ownDebs: own.debs,
      relations: own.relations,
      sdist,
      selection,
    };
  };
  const stagePorts = { apt, archive, images, progress, cacheFolder: state.cache };
  const unmet = [...needed.unmet];
  const staged = await stageTests(request(needed.relations), stagePorts, signal).catch(async (error: unknown) => {
    if (!(error instanceof RennetError) || error.code !== 'unmet-relations') throw error;
    unmet.push(`What the tests declare cannot be installed together: ${error.message}`);
    return stageTests(request([]), stagePorts, signal);
  });
  const guestPorts = {
    driver,
    reset,
    channel,
    progress,
    image: images.runtime,
    limits: TESTS_LIMITS,
    folder: join(attempt.folder, 'tests'),
    onReport: (report: GuestReport) => attempt.guestEnded('tests', report),
  };
  const report = await runTests(attempt.id, staged.input, guestPorts, signal);
  await rm(staged.input, { recursive: true, force: true });
  return { ...report, unmet };
}

interface Needed {
  readonly relations: readonly string[];
  /** Projects that are declared, met or not. */
  readonly projects: ReadonlySet<string>;
  readonly unmet: readonly string[];
}

/** What the declared requirements of the tests are met with: official packages and what Rennet has published; nothing is built for tests. */
async function meetDeclared(
  declared: { readonly extras: readonly string[]; readonly requirements: readonly string[] },
  { metadata }: Admitted,
  { project, target }: Recipe,
  { archive, index, store }: FlowPorts,
  signal: AbortSignal,
): Promise<Needed> {
  const groups = declared.requirements.filter((text) => projectOf(text) !== project);
  // A group may name the project itself for its extras: `foo[async]`.
  const own = declared.requirements.filter((text) => projectOf(text) === project);
  const extras = [...declared.extras, ...own.flatMap((text) => parseRequirement(text).extras)];
  const brought = extraRequirements(project, metadata.requiresDist, extras, target).map(formatRequirement);
  const texts = [...new Set([...brought, ...groups])];
  const published = await ownPackages(store, target);
  const facts = createIndexFacts({ index, publishedRequirements: (row) => publishedRequirements(store, row) }, signal);
  await learnExtras(texts, archive, published, target, facts).catch(() => signal.throwIfAborted());
  const resolution = resolver(archive, published, target, { project, version: '' }, facts.requirementsOf)(texts, []);
  const projects = new Set(texts.flatMap((text) => projectOf(text) ?? []));
  // Upstream pins what it tests with; tests that run with another version say more than tests that do not.
  const others = resolution.unmet.map((each) => ({ ...each, package: archive.dists(each.project)[0]?.package }));
  return {
    relations: [
      ...resolution.met.flatMap(({ relations }) => relations),
      ...others.flatMap((each) => each.package ?? []),
    ],
    projects,
    unmet: others.map((each) =>
      each.package === undefined ? each.sentence : `${each.sentence.replace(/\.$/, '')}, which was used.`,
    ),
  };
}

function projectOf(text: string): string | undefined {
  try {
    return parseRequirement(text).project;
  } catch {
    return undefined;
  }
}
