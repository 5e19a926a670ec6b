import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { reportTarget, writeReports } from '../../bench/corpus/corpus.ts';
import { readList, spread } from '../../bench/corpus/list.ts';
import { corpusFigures } from '../../bench/corpus/report-figures.ts';
import { type TargetReport, textReport } from '../../bench/corpus/report-text.ts';
import { RennetError } from '../model/errors.ts';
import { formatTarget } from '../model/target.ts';
import { chooseTargets, collect, type CommonOptions, withCommonOptions } from './options.ts';
import type { Output } from './output.ts';
import { EXIT, runCommand } from './run-command.ts';

interface CorpusOptions extends CommonOptions {
  readonly list?: string;
  readonly target: readonly string[];
  readonly limit?: number;
  readonly out?: string;
  readonly referenceOut?: string;
  readonly report?: string;
  readonly reportOnly: boolean;
}

/** Beside the checkout, where whoever develops Rennet keeps it. */
const DEFAULT_LIST = join(import.meta.dirname, '../../../shared/corpus/pypi-dev.tsv');

/** `rennet bench corpus`: runs a list of real projects and says what became of each. */
export function addBenchCorpus(bench: Command): void {
  withCommonOptions(bench.command('corpus').description('what becomes of a list of real projects'))
    .option('--list <file>', 'lines of PROJECT, tab, stratum (default: ../shared/corpus/pypi-dev.tsv, where it is)')
    .option('--target <target>', 'suite/architecture (default: the host); may be repeated', collect, [])
    .option('--limit <number>', 'only so many projects, spread evenly over the list', parseCount)
    .option('--out <dir>', 'where each case is kept (default: corpus in the state folder)')
    .option('--reference-out <dir>', "where pip's results are kept (default: as --out)")
    .option('--report <dir>', 'where report.json and report.html go (default: as --out)')
    .option('--report-only', 'run nothing, sum up what lies in --out', false)
    .action((options: CorpusOptions) =>
      runCommand(options, async ({ output, state, signal }) => {
        const whole = await readList(await findList(options.list));
        const list = options.limit === undefined ? whole : spread(whole, options.limit);
        const targets = await chooseTargets(options.target, signal);
        const out = resolve(options.out ?? join(state.root, 'corpus'));
        const referenceOut = resolve(options.referenceOut ?? out);
        const reports: TargetReport[] = [];
        for (const target of targets) reports.push(await reportTarget(list, target, out, referenceOut));
        const page = await writeReports(reports, resolve(options.report ?? out));
        for (const report of reports) say(report, output);
        output.note(`The whole report: ${page}`);
        return EXIT.success;
      }),
    );
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
