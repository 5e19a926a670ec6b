import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../src/host/files.ts';
import { formatTarget, type Target } from '../../src/model/target.ts';
import { findTargetFolder } from './layout.ts';
import type { ListedProject } from './list.ts';
import { readCase } from './read.ts';
import { corpusFigures, figurePrefix } from './report-figures.ts';
import { htmlReport } from './report-html.ts';
import type { TargetReport } from './report-text.ts';
import { sumUp } from './sum.ts';

/** Sums up what lies in `out` (and the results of pip in `referenceOut`) for one target; runs nothing. */
export async function reportTarget(
  list: readonly ListedProject[],
  target: Target,
  out: string,
  referenceOut: string,
): Promise<TargetReport> {
  const [folder, pipFolder] = await Promise.all([
    findTargetFolder(out, target),
    findTargetFolder(referenceOut, target),
  ]);
  const cases = await Promise.all(list.map((listed) => readCase(listed, target, folder, pipFolder)));
  return { target, cases, summary: sumUp(cases, figurePrefix(target)) };
}

/** Writes `report.json` and `report.html` into a folder; gives the path of the page. */
export async function writeReports(reports: readonly TargetReport[], folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const targets = reports.map((report) => ({
    ...report,
    target: formatTarget(report.target),
    figures: corpusFigures(report),
  }));
  await replaceFile(join(folder, 'report.json'), `${JSON.stringify({ format: 1, targets }, null, 1)}\n`);
  const page = join(folder, 'report.html');
  const title = `Corpus: ${reports.map(({ target }) => formatTarget(target)).join(', ')}`;
  await replaceFile(page, htmlReport(reports, title));
  return page;
}
