import type { Command } from 'commander';
import { openAptRoot } from '../debian/apt.ts';
import { ensureImages, listImages, verifyImages } from '../image/index.ts';
import { formatTarget } from '../model/target.ts';
import { prepareState } from '../store/state-folder.ts';
import { chooseTarget, type CommonOptions, withCommonOptions } from './options.ts';
import { EXIT, runCommand } from './run-command.ts';
import { formatDuration } from './status-line.ts';
import { formatTable } from './table.ts';

/** `rennet image build|list|verify`: the root file systems that guests start from. */
export function addImage(program: Command): void {
  const image = program.command('image').description('the root file systems that guests start from');

  withCommonOptions(image.command('build').description('make both images anew'))
    .option('--target <target>', 'suite/architecture (default: the host)')
    .action((options: CommonOptions & { target?: string }) =>
      runCommand(options, async ({ output, state, signal }) => {
        const start = performance.now();
        await prepareState(state, signal);
        const target = await chooseTarget(options.target, signal);
        const apt = await openAptRoot(target, state, signal);
        const ports = { state, apt, progress: output.progress };
        const images = await ensureImages(target, ports, signal, { renew: true });
        for (const { kind, digest, packages } of [images.build, images.runtime]) {
          output.event('image', { digest, kind, target: formatTarget(target), packages: packages.length });
          output.say(`${kind.padEnd(8)} ${digest.slice(0, 16)}  ${packages.length} packages`);
        }
        output.say(`made in ${formatDuration(performance.now() - start)}`);
        return EXIT.success;
      }),
    );

  withCommonOptions(image.command('list').description('list the images')).action((options: CommonOptions) =>
    runCommand(options, async ({ output, state }) => {
      const images = await listImages(state);
      for (const record of images)
        output.event('image', {
          digest: record.digest,
          kind: record.kind,
          target: formatTarget(record.target),
          madeAt: record.madeAt,
        });
      output.say(
        images.length === 0
          ? 'There is no image yet; the first build makes them, or: rennet image build'
          : formatTable(
              ['image', 'kind', 'target', 'kernel', 'packages', 'made'],
              images.map((it) => [
                it.digest.slice(0, 16),
                it.kind,
                formatTarget(it.target),
                it.kernelVersion,
                `${it.packages.length}`,
                it.madeAt,
              ]),
            ),
      );
      return EXIT.success;
    }),
  );

  withCommonOptions(image.command('verify').description('hash every file of the images again')).action(
    (options: CommonOptions) =>
      runCommand(options, async ({ output, state, signal }) => {
        const verified = await verifyImages(state, signal);
        for (const { digest, kind, problems } of verified) {
          output.event('verified', { digest, kind, problems });
          output.say(
            `${kind.padEnd(8)} ${digest.slice(0, 16)}  ${problems.length === 0 ? 'as made' : problems.join('; ')}`,
          );
        }
        if (verified.length === 0) output.say('There is no image yet.');
        return verified.some(({ problems }) => problems.length > 0) ? EXIT.infrastructure : EXIT.success;
      }),
  );
}
