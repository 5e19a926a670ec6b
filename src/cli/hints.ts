import type { Command } from 'commander';
import { type FileHint, readHintsFile } from '../hints/hints-file.ts';
import { isBuildRequirement, isPackageName, isRunRelation } from '../hints/words.ts';
import { isOfficial } from '../known-hints.ts';
import { RennetError } from '../model/errors.ts';
import type { RememberedHint } from '../model/hint.ts';
import { chooseTarget, collect, type CommonOptions, withCommonOptions } from './options.ts';
import { openArchive } from './open-ports.ts';
import { openCommandStore } from './open-store.ts';
import { parseProjectName } from './project-argument.ts';
import { type CommandContext, EXIT, runCommand } from './run-command.ts';
import { formatTable } from './table.ts';

interface WordOptions extends CommonOptions {
  readonly target?: string;
  readonly suite?: string;
  readonly buildPackage: readonly string[];
  readonly runPackage: readonly string[];
  readonly buildRequirement: readonly string[];
}

/** `rennet hints [list]|add|remove`: what releases need beside what they declare. */
export function addHints(program: Command): void {
  const hints = program.command('hints').description('what releases need beside what they declare');
  withCommonOptions(
    hints.command('list', { isDefault: true }).description('list what is remembered and what the hints file says'),
  )
    .option('--suite <suite>', 'only of this suite')
    .option('--hints <file>', 'another hints file than hints.toml of the state folder')
    .action((options: CommonOptions & { suite?: string; hints?: string }) =>
      runCommand(options, (context) => listHints(options, context)),
    );
  withWords(hints.command('add').description('remember official packages for a project'), 'official').action(
    (name: string, options: WordOptions) => runCommand(options, (context) => addWords(name, options, context)),
  );
  withWords(
    hints.command('remove').description('forget what is remembered of a project; all of it where nothing is named'),
    'remembered',
  ).action((name: string, options: WordOptions) =>
    runCommand(options, (context) => removeWords(name, options, context)),
  );
}

function withWords(command: Command, what: string): Command {
  return withCommonOptions(command.argument('<project>'))
    .option('--target <target>', 'for the suite of this target (default: the host)')
    .option('--suite <suite>', 'for this suite')
    .option('--build-package <name>', `${what} package for its build; may be repeated`, collect, [])
    .option('--run-package <relation>', `${what} package for its Depends; may be repeated`, collect, [])
    .option(
      '--build-requirement <text>',
      'requirement (PEP 508) for its build, as if declared; may be repeated',
      collect,
      [],
    );
}

async function listHints(options: { suite?: string; hints?: string }, context: CommandContext): Promise<number> {
  const { output, state } = context;
  const file = await readHintsFile(options.hints ?? state.hintsFile, options.hints !== undefined);
  const store = await openCommandStore(context);
  try {
    const said = file.filter(({ suites }) => !options.suite || suites.length === 0 || suites.includes(options.suite));
    const rows = await store.hints(options.suite ? { suite: options.suite } : {});
    for (const entry of said) output.event('hint', { ...entry, origin: 'file' });
    for (const row of rows) output.event('hint', { ...row });
    const lines = [
      ...said.flatMap(linesOf),
      ...rows.map((row) => [row.project, row.suite, WORDS[row.kind], row.value, whoSays(row)]),
    ];
    output.say(
      lines.length === 0
        ? 'Nothing is remembered, and no hints file says anything.'
        : formatTable(['project', 'suite', 'what', 'value', 'who says so'], lines),
    );
    return EXIT.success;
  } finally {
    await store.close();
  }
}

const WORDS: Record<RememberedHint['kind'], string> = {
  'build-package': 'build package',
  'run-package': 'run package',
  'build-requirement': 'build requirement',
};

function linesOf(entry: FileHint): string[][] {
  const place = [
    entry.project + (entry.specifier === '' ? '' : ` ${entry.specifier}`),
    entry.suites.join(' ') || 'all',
  ];
  const line = (what: string) => (value: string) => [...place, what, value, 'hints file'];
  return [
    ...entry.buildPackages.map(line(WORDS['build-package'])),
    ...entry.buildRequirements.map(line(WORDS['build-requirement'])),
    ...entry.depends.map(line(WORDS['run-package'])),
    ...(entry.imports ?? []).map(line('import')),
    ...(entry.testCommand === undefined ? [] : [entry.testCommand]).map(line('test command')),
  ];
}

function whoSays({ origin, version, reason }: RememberedHint): string {
  return origin === 'operator' ? 'operator' : `learned at ${version}: ${reason}`;
}

function wordsOf(options: WordOptions): Pick<RememberedHint, 'kind' | 'value'>[] {
  const of = (kind: RememberedHint['kind'], values: readonly string[]) => values.map((value) => ({ kind, value }));
  return [
    ...of('build-package', options.buildPackage),
    ...of('run-package', options.runPackage),
    ...of('build-requirement', options.buildRequirement),
  ];
}

async function addWords(name: string, options: WordOptions, context: CommandContext): Promise<number> {
  const { output, signal } = context;
  const project = parseProjectName(name);
  const words = wordsOf(options);
  if (words.length === 0)
    throw new RennetError('bad-usage', 'Nothing was named to remember.', 'For example: --build-package libgmp-dev');
  for (const word of words) checkForm(word);
  const target = await chooseTarget(options.suite ?? options.target, signal);
  const { archive } = await openArchive(context, target);
  const missing = words.find(({ kind, value }) => kind !== 'build-requirement' && !isOfficial(value, archive));
  if (missing !== undefined)
    throw new RennetError(
      'unknown-package',
      `${target.suite} has no official package ${missing.value}, so it cannot be a hint.`,
      'Only packages of the distribution itself serve; apt-cache search and apt-file search find them.',
    );
  const store = await openCommandStore(context);
  try {
    const rows = words.map(
      (word): RememberedHint => ({
        project,
        suite: target.suite,
        ...word,
        origin: 'operator',
        version: '',
        reason: '',
      }),
    );
    const added = await store.addHints(rows);
    for (const row of added) output.event('hint', { ...row });
    for (const { kind, value } of rows) {
      const isNew = added.some((row) => row.kind === kind && row.value === value);
      output.say(`${project} in ${target.suite}: ${WORDS[kind]} ${value}${isNew ? '' : ' (was there)'}`);
    }
    return EXIT.success;
  } finally {
    await store.close();
  }
}

function checkForm({ kind, value }: Pick<RememberedHint, 'kind' | 'value'>): void {
  const forms: Record<RememberedHint['kind'], (text: string) => boolean> = {
    'build-package': isPackageName,
    'run-package': isRunRelation,
    'build-requirement': isBuildRequirement,
  };
  if (forms[kind](value)) return;
  throw new RennetError('bad-usage', `${JSON.stringify(value.slice(0, 100))} cannot be a ${WORDS[kind]}.`);
}

async function removeWords(name: string, options: WordOptions, context: CommandContext): Promise<number> {
  const { output, signal } = context;
  const project = parseProjectName(name);
  const words = wordsOf(options);
  const named = options.suite ?? options.target;
  const suite = named === undefined ? undefined : (await chooseTarget(named, signal)).suite;
  const place = suite === undefined ? { project } : { project, suite };
  const store = await openCommandStore(context);
  try {
    const removed: RememberedHint[] = [];
    if (words.length === 0) removed.push(...(await store.removeHints(place)));
    for (const { kind, value } of words)
      removed.push(...(await store.removeHints({ ...place, kind, values: [value] })));
    for (const row of removed) {
      output.event('forgotten', { ...row });
      output.say(`${row.project} in ${row.suite}: ${WORDS[row.kind]} ${row.value} is forgotten.`);
    }
    if (removed.length === 0)
      throw new RennetError(
        'unknown-package',
        `Nothing of that is remembered of ${project}${suite === undefined ? '' : ` in ${suite}`}.`,
        'rennet hints shows what is; what the hints file says stands in the file.',
      );
    return EXIT.success;
  } finally {
    await store.close();
  }
}
