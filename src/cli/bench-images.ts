import { openAptRoot } from '../debian/apt.ts';
import { ensureImages, type ImageForm } from '../image/index.ts';
import { prepareState } from '../store/state-folder.ts';
import { chooseTarget } from './options.ts';
import type { CommandContext } from './run-command.ts';

/** The images that guests of a bench are made from, made where missing. `wanted`: the target, as typed; the host's where it is not given. */
export async function benchImages(
  wanted: string | undefined,
  form: ImageForm,
  { state, output, signal }: CommandContext,
): ReturnType<typeof ensureImages> {
  await prepareState(state, signal);
  const target = await chooseTarget(wanted, signal);
  const apt = await openAptRoot(target, state, signal);
  return ensureImages(target, { state, apt, progress: output.progress }, signal, { forms: [form] });
}
