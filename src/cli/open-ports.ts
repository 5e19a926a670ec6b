import { openAptRoot } from '../debian/apt.ts';
import { openArchiveIndex } from '../debian/archive-index.ts';
import { readHintsFile } from '../hints/hints-file.ts';
import { ensureImages } from '../image/images.ts';
import { BUILD_LIMITS, CHECK_LIMITS } from '../limits.ts';
import { createDriver } from '../machine/create.ts';
import { requireKvm } from '../machine/qemu/accelerator.ts';
import type { Channel, DriverName, MirrorDisk, Prerequisites, ResetStrategy } from '../model/machine.ts';
import type { Target } from '../model/target.ts';
import type { FlowPorts, PlanPorts } from '../ports.ts';
import { createIndexClient } from '../python/client.ts';
import { type NamedIndex, readIndexSettings } from '../python/settings.ts';
import { openCommandStore } from './open-store.ts';
import type { CommandContext } from './run-command.ts';

/** RFC 2606: an address that nobody ever has, until the operator names one. */
const MAINTAINER = 'Rennet <rennet@rennet.invalid>';

/** Opens what planning needs: store, index, the target's private apt and its derived index. Close the store afterwards. */
export async function openPlanPorts(
  context: CommandContext,
  target: Target,
  hintsFile?: string,
  named?: NamedIndex,
): Promise<PlanPorts> {
  const { state, output, signal } = context;
  const hints = await readHintsFile(hintsFile ?? state.hintsFile, hintsFile !== undefined);
  const store = await openCommandStore(context);
  try {
    const [settings, archiveAndApt] = await Promise.all([
      readIndexSettings(state.cache, signal, named),
      openArchive(context, target),
    ]);
    for (const sentence of settings.ignored) output.note(sentence);
    const index = createIndexClient({ settings, cacheFolder: state.cache });
    return { state, store, index, ...archiveAndApt, hints, progress: output.progress };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The target's private apt and its derived index. */
export async function openArchive({ state, output, signal }: CommandContext, target: Target) {
  const apt = await openAptRoot(target, state, signal);
  const { notes } = await apt.update({}, output.progress, signal);
  for (const note of notes) output.note(note);
  return { apt, archive: await openArchiveIndex(apt, signal) };
}

export interface DriverOptions {
  readonly driver: DriverName;
  readonly reset: ResetStrategy;
  readonly channel: Channel;
  readonly prerequisites: Prerequisites;
  /** Where the prerequisites come from the operator's mirror. */
  readonly mirror?: MirrorDisk | undefined;
  readonly accelerator: 'auto' | 'kvm' | 'tcg';
  /** How many restored guests wait for the next jobs, of each image. */
  readonly warm: number;
  readonly overcommit: boolean;
  /** Upstream's tests are run as well. */
  readonly tests?: boolean;
  /** Source packages are written there. */
  readonly sourceFolder?: string | undefined;
}

/** Adds images and the driver, making what is missing. */
export async function openFlowPorts(
  ports: PlanPorts,
  options: DriverOptions,
  context: CommandContext,
): Promise<Omit<FlowPorts, 'buildMissing'>> {
  const { state, signal, output } = context;
  // Images take minutes, those of a foreign processor a quarter of an hour.
  if (options.driver === 'qemu') await requireKvm(options.accelerator, ports.apt.target);
  const made = { state, apt: ports.apt, progress: output.progress };
  // Each form takes some 600 MiB of memory.
  const forms = [options.driver === 'namespace' ? 'folder' : 'disk'] as const;
  const images = await ensureImages(ports.apt.target, made, signal, { forms });
  const { accelerator, warm, reset, overcommit, mirror } = options;
  const driver = createDriver(options.driver, { state, accelerator, warm, overcommit, progress: output.progress });
  const limits = { build: BUILD_LIMITS, check: CHECK_LIMITS };
  if (warm > 0) {
    void driver.prepare({ image: images.build, reset, limits: limits.build, mirror }, signal);
    void driver.prepare({ image: images.runtime, reset, limits: limits.check }, signal);
  }
  return {
    ...ports,
    images,
    driver,
    reset,
    channel: options.channel,
    prerequisites: options.prerequisites,
    ...(mirror === undefined ? {} : { mirror }),
    limits,
    maintainer: MAINTAINER,
    tests: options.tests === true,
    ...(options.sourceFolder === undefined ? {} : { sourceFolder: options.sourceFolder }),
  };
}
