import { Command, CommanderError } from 'commander';
import { addBench } from './bench.ts';
import { addBuild } from './build.ts';
import { addDoctor } from './doctor.ts';
import { addImage } from './image.ts';
import { addList } from './list.ts';
import { addLog } from './log.ts';
import { addPlan } from './plan.ts';
import { addRemove } from './remove.ts';
import { EXIT } from './run-command.ts';
import { addStop } from './stop.ts';
import { addTemplate } from './template.ts';
import { addWhy } from './why.ts';

const program = new Command('rennet')
  .description('Turns PyPI releases into Debian packages, each built in a fresh throw-away virtual machine.')
  .exitOverride()
  .showHelpAfterError('(rennet --help lists the commands)');

for (const add of [
  addBuild,
  addPlan,
  addWhy,
  addLog,
  addList,
  addRemove,
  addStop,
  addImage,
  addTemplate,
  addDoctor,
  addBench,
])
  add(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? EXIT.success : EXIT.usage;
}
