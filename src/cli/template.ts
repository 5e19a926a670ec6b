import type { Command } from 'commander';
import { openAptRoot } from '../debian/apt.ts';
import { ensureImages } from '../image/index.ts';
import { openKeeper } from '../machine/keeper.ts';
import { chooseAccelerator } from '../machine/qemu/accelerator.ts';
import { findQemu } from '../machine/qemu/program.ts';
import { DEFAULT_GUEST, ensureTemplate, listTemplates, shapeOf, verifyTemplates } from '../machine/qemu/template.ts';
import { machineArchitecture } from '../model/target.ts';
import { prepareState } from '../store/state-folder.ts';
import { chooseTarget, type CommonOptions, withCommonOptions } from './options.ts';
import { EXIT, runCommand } from './run-command.ts';
import { formatBytes, formatDuration } from './status-line.ts';
import { formatTable } from './table.ts';

/** `rennet template build|list|verify`: booted machines whose memory every guest starts from. */
export function addTemplate(program: Command): void {
  const template = program.command('template').description('booted machines whose memory guests start from');

  withCommonOptions(template.command('build').description('boot and save what is missing'))
    .option('--target <target>', 'suite/architecture (default: the host)')
    .action((options: CommonOptions & { target?: string }) =>
      runCommand(options, async ({ output, state, signal }) => {
        await prepareState(state, signal);
        const target = await chooseTarget(options.target, signal);
        const apt = await openAptRoot(target, state, signal);
        const images = await ensureImages(target, { state, apt, progress: output.progress }, signal, {
          forms: ['disk'],
        });
        const start = performance.now();
        const qemu = await findQemu(state, machineArchitecture(target));
        const accelerator = await chooseAccelerator('auto', images.build, state, signal);
        const keeper = await openKeeper(state, signal);
        const keys: string[] = [];
        try {
          for (const image of [images.build, images.runtime]) {
            const request = { image, qemu, accelerator, shape: shapeOf(accelerator, DEFAULT_GUEST[image.kind]) };
            keys.push((await ensureTemplate(request, { state, keeper, progress: output.progress }, signal)).key);
          }
        } finally {
          keeper.close();
        }
        for (const key of keys) output.event('template', { key });
        output.say(`${keys.length} templates ready in ${formatDuration(performance.now() - start)}`);
        return EXIT.success;
      }),
    );

  withCommonOptions(template.command('list').description('list the templates')).action((options: CommonOptions) =>
    runCommand(options, async ({ output, state }) => {
      const templates = await listTemplates(state);
      for (const it of templates) output.event('template', { ...it });
      output.say(
        templates.length === 0
          ? 'There is no template yet; the first build makes it, or: rennet template build'
          : formatTable(
              ['template', 'image', 'kind', 'accelerator', 'guest memory', 'in memory', 'made', 'hashed'],
              templates.map((it) => [
                it.key.slice(0, 16),
                it.image.slice(0, 16),
                it.kind,
                it.shape.accelerator,
                `${it.shape.memoryMiB} MiB`,
                it.inMemory ? formatBytes(it.usedBytes) : 'no',
                it.madeAt,
                it.verifiedAt ?? '',
              ]),
            ),
      );
      return EXIT.success;
    }),
  );

  withCommonOptions(template.command('verify').description('hash every template in memory again')).action(
    (options: CommonOptions) =>
      runCommand(options, async ({ output, state, signal }) => {
        const verified = await verifyTemplates(state, signal);
        for (const { key, intact } of verified) {
          output.event('verified', { key, intact });
          output.say(`${key.slice(0, 16)}  ${intact ? 'as made' : 'damaged; dropped, and made anew when needed'}`);
        }
        if (verified.length === 0) output.say('No template is in memory.');
        return verified.every(({ intact }) => intact) ? EXIT.success : EXIT.infrastructure;
      }),
  );
}
