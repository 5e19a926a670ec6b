import { Command, CommanderError } from 'commander';
import { RennetError } from '../model/errors.ts';
import { plainText } from '../model/text.ts';
import { createOutput } from './output.ts';
import { EXIT } from './run-command.ts';

type AddCommand = (program: Command) => void;

/** One file a command; only the one that is asked for is loaded, because loading all costs more than most commands take. */
const COMMANDS: Readonly<Record<string, () => Promise<AddCommand>>> = {
  build: async () => (await import('./build.ts')).addBuild,
  plan: async () => (await import('./plan.ts')).addPlan,
  upgrade: async () => (await import('./upgrade.ts')).addUpgrade,
  why: async () => (await import('./why.ts')).addWhy,
  log: async () => (await import('./log.ts')).addLog,
  list: async () => (await import('./list.ts')).addList,
  remove: async () => (await import('./remove.ts')).addRemove,
  hints: async () => (await import('./hints.ts')).addHints,
  stop: async () => (await import('./stop.ts')).addStop,
  image: async () => (await import('./image.ts')).addImage,
  template: async () => (await import('./template.ts')).addTemplate,
  doctor: async () => (await import('./doctor.ts')).addDoctor,
  bench: async () => (await import('./bench.ts')).addBench,
};

// Guests, apt and the readers of wheels run as other users: with a umask of 077 they could not read what root makes for them. Secret
// files and folders are made with modes of their own.
process.umask(0o022);

const program = new Command('rennet')
  .description('Turns PyPI releases into Debian packages, each built in a fresh throw-away virtual machine.')
  .exitOverride()
  // What was typed is shown by our own error below, made plain.
  .configureOutput({ outputError: () => {} });

const name = process.argv[2] ?? '';
const asked = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
for (const load of asked ? [asked] : Object.values(COMMANDS)) (await load())(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? EXIT.success : EXIT.usage;
  // Without any command the help was shown, which says all.
  if (error.exitCode !== 0 && error.code !== 'commander.help') {
    const words = plainText(error.message)
      .replace(/^error: /, '')
      .replace(/\.?$/, '.');
    const hint = `rennet ${asked ? `${name} ` : ''}--help lists what can be said.`;
    createOutput({ json: process.argv.includes('--json') }).error(
      new RennetError('bad-usage', words.charAt(0).toUpperCase() + words.slice(1), hint),
    );
  }
}
