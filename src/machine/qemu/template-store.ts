import { RennetError } from '../../model/errors.ts';
import type { Progress } from '../../model/progress.ts';
import type { StateFolder } from '../../model/state.ts';
import { type Keeper, findKeeper, openKeeper } from '../keeper.ts';
import { removeTemplate } from './template-list.ts';
import type { OpenTemplate, TemplateRequest } from './template-record.ts';
import { ensureTemplate, templateKey } from './template.ts';

/** Where the driver gets its templates: one lease on the keeper, opened when first needed. */
export interface TemplateStore {
  /** The template, made where missing; undefined when that fails: the guest then boots. Rejects only with `cancelled`. */
  obtain(request: TemplateRequest, signal: AbortSignal): Promise<OpenTemplate | undefined>;
  /** A clone of it did not come up: drops it for everyone, and makes no other in this process. */
  distrust(template: OpenTemplate): Promise<void>;
}

export function createTemplateStore(state: StateFolder, progress: Progress): TemplateStore {
  const bad = new Set<string>();
  let lease: Promise<Keeper> | undefined;
  const keeper = async (signal: AbortSignal): Promise<Keeper> => {
    lease ??= openKeeper(state, signal);
    return lease;
  };
  return {
    async obtain(request, signal) {
      const key = await templateKey(request);
      if (bad.has(key)) return undefined;
      // The second try meets a keeper that was killed since our lease began.
      for (let attempt = 0; attempt < 2; attempt++) {
        try {
          return await ensureTemplate(request, { state, keeper: await keeper(signal), progress }, signal);
        } catch (error) {
          if (signal.aborted)
            throw new RennetError('cancelled', 'Making the template was stopped.', '', { cause: error });
          lease = undefined;
          progress({ doing: `no template: ${error instanceof Error ? error.message : String(error)}` });
        }
      }
      bad.add(key);
      return undefined;
    },
    async distrust(template) {
      bad.add(template.key);
      const running = await findKeeper(state);
      if (running === undefined) return;
      await removeTemplate(template.key, state, running).catch(() => {});
      running.close();
    },
  };
}
