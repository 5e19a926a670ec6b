import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { compareCases, compareText } from '../../bench/corpus/compare.ts';
import { reportTarget, writeReports } from '../../bench/corpus/corpus.ts';
import { targetName } from '../../bench/corpus/layout.ts';
import { type ListedProject, readList, spread } from '../../bench/corpus/list.ts';
import { runPip } from '../../bench/corpus/pip/run.ts';
import { corpusFigures, figurePrefix } from '../../bench/corpus/report-figures.ts';
import { type TargetReport, textReport } from '../../bench/corpus/report-text.ts';
import { runCases } from '../../bench/corpus/run.ts';
import { figureOfShare } from '../../bench/figures.ts';
import { RennetError } from '../model/errors.ts';
import { formatTarget, type Target } from '../model/target.ts';
import { chooseTargets, collect, type CommonOptions, withCommonOptions } from './options.ts';
import type { Output } from './output.ts';
import { type CommandContext, EXIT, runCommand } from './run-command.ts';

interface CorpusOptions extends CommonOptions {
  readonly list?: string;
  readonly target: readonly string[];
  readonly driver: 'namespace' | 'qemu';
  readonly allowUnisolated: boolean;
  readonly jobs?: number;
  readonly minutes: number;
  readonly again?: string;
  readonly limit?: number;
  readonly out?: string;
  readonly reference?: 'pip';
  readonly referenceOut?: string;
  readonly referenceOnly: boolean;
  readonly report?: string;
  readonly reportOnly: boolean;
  readonly compare?: string;
}

/** Beside the checkout, where whoever develops Rennet keeps it. */
const DEFAULT_LIST = join(import.meta.dirname, '../../../shared/corpus/pypi-dev.tsv');

/** `rennet bench corpus`: runs a list of real projects and says what became of each. */
export function addBenchCorpus(bench: Command): void {
  withCommonOptions(bench.command('corpus').description('what becomes of a list of real projects; resumable'))
    .option('--list <file>', 'lines of PROJECT, tab, stratum (default: ../shared/corpus/pypi-dev.tsv, where it is)')
    .option('--limit <number>', 'only so many projects, spread evenly over the list', parseCount)
    .option('--target <target>', 'suite/architecture (default: the host); may be repeated', collect, [])
    .addOption(new Option('--driver <driver>', 'what the guests are').choices(['qemu', 'namespace']).default('qemu'))
    .option('--allow-unisolated', 'build with the namespace driver; run the reference', false)
    .option('--jobs <number>', 'how many packages of one closure are built at once', parseCount)
    .option('--minutes <number>', 'how long one project may take', parseMinutes, 20)
    .option('--again <outcome>', 'run those again that ended so: an outcome, "pip" for the reference, "all"')
    .addOption(
      new Option(
        '--reference <tool>',
        'try each project with pip as well; this runs upload code on the host, with its network and without isolation (own user and namespaces only): needs --allow-unisolated',
      ).choices(['pip']),
    )
    .option('--reference-only', 'only the reference, no builds', false)
    .option('--out <dir>', 'where each case is kept (default: corpus in the state folder)')
    .option('--reference-out <dir>', "where pip's results are kept (default: as --out)")
    .option('--report <dir>', 'where report.json and report.html go (default: as --out)')
    .option('--report-only', 'run nothing, sum up what lies in --out', false)
    .option('--compare <dir>', 'say which projects end otherwise than in this --out of another run')
    .action((options: CorpusOptions) =>
      runCommand(options, async (context) => {
        const { output, state, signal } = context;
        refuseUnisolated(options);
        const whole = await readList(await findList(options.list));
        const list = options.limit === undefined ? whole : spread(whole, options.limit);
        const targets = await chooseTargets(options.target, signal);
        const out = resolve(options.out ?? join(state.root, 'corpus'));
        const referenceOut = resolve(options.referenceOut ?? out);
        const reports: TargetReport[] = [];
        for (const target of targets) {
          if (!options.reportOnly) await measure(list, target, { out, referenceOut }, options, context);
          reports.push(await reportTarget(list, target, out, referenceOut));
        }
        const page = await writeReports(reports, resolve(options.report ?? out));
        for (const report of reports) {
          say(report, output);
          if (options.compare !== undefined) await sayDifferences(report, list, resolve(options.compare), output);
        }
        output.note(`The whole report: ${page}`);
        return EXIT.success;
      }),
    );
}

function refuseUnisolated({ reportOnly, referenceOnly, reference, driver, allowUnisolated }: CorpusOptions): void {
  if (referenceOnly && reference === undefined)
    throw new RennetError('bad-usage', '--reference-only says nothing without --reference pip.');
  if (reportOnly || allowUnisolated) return;
  const hint = 'Say --allow-unisolated where that is meant.';
  if (reference === 'pip')
    throw new RennetError(
      'not-isolated',
      'The reference runs upload code on this host with its network, without isolation.',
      hint,
    );
  if (driver === 'namespace')
    throw new RennetError(
      'not-isolated',
      'The namespace driver isolates nothing, so what it builds is not published.',
      hint,
    );
}

async function measure(
  list: readonly ListedProject[],
  target: Target,
  places: { readonly out: string; readonly referenceOut: string },
  options: CorpusOptions,
  { state, output, signal }: CommandContext,
): Promise<void> {
  const boundMs = options.minutes * 60_000;
  const folderIn = (place: string) => join(place, targetName(target));
  if (!options.referenceOnly) {
    const buildOptions = [
      '--state',
      state.root,
      '--driver',
      options.driver,
      ...(options.allowUnisolated ? ['--allow-unisolated'] : []),
      ...(options.jobs === undefined ? [] : ['--jobs', `${options.jobs}`]),
    ];
    const run = { target, folder: folderIn(places.out), options: buildOptions, boundMs, again: options.again };
    await runCases(list, run, output, signal);
  }
  if (options.reference === 'pip') {
    const again = options.again === 'pip' || options.again === 'all';
    await runPip(list, { target, folder: folderIn(places.referenceOut), state, boundMs, again }, output, signal);
  }
}

async function findList(named: string | undefined): Promise<string> {
  if (named !== undefined) return resolve(named);
  const isThere = await access(DEFAULT_LIST).then(
    () => true,
    () => false,
  );
  if (isThere) return DEFAULT_LIST;
  throw new RennetError('bad-usage', 'There is no list of projects beside the checkout.', 'Name one with --list FILE.');
}

async function sayDifferences(
  { target, cases }: TargetReport,
  list: readonly ListedProject[],
  other: string,
  output: Output,
): Promise<void> {
  const comparison = compareCases(cases, (await reportTarget(list, target, other, other)).cases);
  const figure = figureOfShare(`${figurePrefix(target)}.agreement`, comparison.agreement);
  if (figure) output.event('figure', { ...figure, target: formatTarget(target) });
  output.say(`\n${compareText(comparison, other)}`);
}

function say(report: TargetReport, output: Output): void {
  const target = formatTarget(report.target);
  for (const figure of corpusFigures(report)) output.event('figure', { ...figure, target });
  for (const { project, stratum, version, outcome, class: kind, sentence, culprits } of report.summary.failures)
    output.event('failure', { target, project, stratum, version, outcome, class: kind, sentence, culprits });
  output.say(textReport(report));
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 100_000) return count;
  throw new InvalidArgumentError('Give a whole number from 1 to 100000.');
}

function parseMinutes(text: string): number {
  const minutes = Number(text);
  if (minutes > 0 && minutes <= 24 * 60) return minutes;
  throw new InvalidArgumentError('Give a number of minutes up to 1440.');
}
