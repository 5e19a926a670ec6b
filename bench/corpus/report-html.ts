import { plainText } from '../../src/model/text.ts';
import { formatTarget } from '../../src/model/target.ts';
import { formatShare } from '../figures.ts';
import type { CorpusCase, Ending } from './read.ts';
import { label, pipText, type TargetReport } from './report-text.ts';
import type { Group, Summary } from './sum.ts';

/**
 * The report as one page that loads nothing and runs nothing. Names and sentences come from uploads: all of it goes through `escape`, and the page's
 * own policy (CSP) forbids scripts, images and connections for the case that something slips through. Pure.
 */
export function htmlReport(reports: readonly TargetReport[], title: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escape(title)}</h1>
${reports.map(targetSection).join('\n')}
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; padding: .25rem .8rem; border-bottom: 1px solid #8884; vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; }
.wide { width: 100%; }
.wide td:first-child, .wide td:nth-child(4) { overflow-wrap: anywhere; }
.wide td:first-child { min-width: 11rem; }
.wide td:nth-child(3) { min-width: 7rem; }
.bar { background: #8883; width: 14rem; height: .7rem; margin-top: .4rem; border-radius: .2rem; }
.bar i { display: block; height: 100%; border-radius: .2rem; background: #7a8aa0; }
.bar i.good { background: #2e9d5b; }
.big { font-size: 1.6rem; margin: .2rem 1.5rem .2rem 0; }
.cards { display: flex; flex-wrap: wrap; gap: .5rem 2rem; }
small, .by { color: #777; }
`;

/** Text of others as text of the page. */
function escape(text: string): string {
  const names: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return plainText(text).replaceAll(/[&<>"']/g, (character) => names[character] ?? '');
}

function targetSection({ target, summary, cases }: TargetReport): string {
  const { reference } = summary;
  const cards = [
    card('published or official, of those with a source that fit the target', formatShare(summary.success)),
    ...(reference
      ? [card('the same, of those that are official or that pip manages', formatShare(reference.success))]
      : []),
    ...(reference ? [card('pip installs and imports', formatShare(reference.pip))] : []),
    card('class of the failure unknown', formatShare(summary.unknown)),
  ];
  return `<h2>${escape(formatTarget(target))}</h2>
<p>${summary.ended} of ${summary.listed} projects have ended.${summary.commits.length > 0 ? ` Rennet ${escape(summary.commits.join(', '))}.` : ''}</p>
<div class="cards">${cards.join('')}</div>
<h3>Outcomes</h3>
${table(['outcome', '#projects', '', '#share'], summary.outcomes.map(outcomeRow))}
<h3>By stratum</h3>
${table(['stratum', '#ended', '#success', '#class unknown', '#pip manages', '#success against pip'], [...summary.strata, { ...summary, name: 'all' }].map(groupRow))}
${againstPip(summary)}
<h3>Why not</h3>
${table(
  ['outcome', 'class', '#projects'],
  summary.classes.map((it) => [escape(it.outcome), escape(it.class), `${it.count}`]),
)}
<h3>Time of a package by stage</h3>
${table(
  ['stage', '#median', '#p95', '#max', '#packages'],
  summary.stages.map((it) => [
    escape(it.name.split('.').at(-1) ?? ''),
    ...[it.median, it.p95, it.max].map(seconds),
    `${it.n}`,
  ]),
)}
<h3>Failures (${summary.failures.length})</h3>
${table(['project', 'stratum', 'outcome', 'sentence'], summary.failures.map(failureRow), 'wide')}
<details><summary>All ${cases.length} projects</summary>
${table(['project', 'stratum', 'outcome', 'pip', '#seconds'], cases.map(caseRow), 'wide')}
</details>`;
}

const card = (what: string, value: string) =>
  `<div><div class="big">${escape(value)}</div><small>${escape(what)}</small></div>`;
const seconds = (value: number) => `${(value / 1000).toFixed(2)} s`;
const named = (it: Pick<Ending, 'project' | 'version'>) => escape(`${it.project} ${it.version}`.trimEnd());

/** `#` in front of a title: a column of figures. Cells are HTML. */
function table(header: readonly string[], rows: readonly (readonly string[])[], kind = ''): string {
  if (rows.length === 0) return '<p>None.</p>';
  const cell = (tag: 'th' | 'td', html: string, column: number) =>
    `<${tag}${header[column]?.startsWith('#') === true ? ' class="n"' : ''}>${html}</${tag}>`;
  const line = (tag: 'th' | 'td', cells: readonly string[]) =>
    `<tr>${cells.map((html, column) => cell(tag, html, column)).join('')}</tr>`;
  const titles = header.map((title) => escape(title.replace(/^#/, '')));
  return `<table class="${kind}">${line('th', titles)}\n${rows.map((cells) => line('td', cells)).join('\n')}</table>`;
}

function outcomeRow({ outcome, share }: Summary['outcomes'][number]): string[] {
  const isGood = outcome === 'published' || outcome === 'skipped-official';
  const bar = `<div class="bar"><i${isGood ? ' class="good"' : ''} style="width:${share.percent ?? 0}%"></i></div>`;
  return [escape(outcome), `${share.count}`, bar, `${share.percent?.toFixed(1) ?? 'n/a'} %`];
}

function groupRow({ name, ended, success, unknown, reference }: Group): string[] {
  const pip = reference ? [formatShare(reference.pip), formatShare(reference.success)] : ['not asked', 'not asked'];
  return [name, `${ended}`, formatShare(success), formatShare(unknown), ...pip].map(escape);
}

function againstPip({ reference }: Summary): string {
  if (reference === undefined) return '';
  const list = (names: readonly string[]) => escape(names.join(', ') || 'none');
  return `<p><b>pip manages and Rennet does not (${reference.onlyPip.length}):</b> ${list(reference.onlyPip)}</p>
<p><b>Rennet manages and pip does not (${reference.onlyRennet.length}):</b> ${list(reference.onlyRennet)}</p>`;
}

function failureRow(it: CorpusCase): string[] {
  const culprits = it.culprits.map(
    (by) => `<div class="by">because of ${named(by)}: ${escape(`${label(by)}. ${by.sentence}`)}</div>`,
  );
  const pip = it.pip === undefined ? '' : `<div class="by">${escape(pipText(it.pip))}</div>`;
  return [named(it), escape(it.stratum), escape(label(it)), escape(it.sentence) + culprits.join('') + pip];
}

function caseRow(it: CorpusCase): string[] {
  const pip = it.pip === undefined ? 'not asked' : pipText(it.pip);
  const outcome = it.outcome === '' ? 'not run' : label(it);
  return [named(it), ...[it.stratum, outcome, pip, it.end?.wallSeconds.toFixed(1) ?? ''].map(escape)];
}
