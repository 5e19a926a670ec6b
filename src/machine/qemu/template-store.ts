import { RennetError } from '../../model/errors.ts';
import type { Progress } from '../../model/progress.ts';
import type { StateFolder } from '../../model/state.ts';
import { type Keeper, findKeeper, openKeeper } from '../keeper.ts';
import { removeTemplate } from './template-list.ts';
import { type OpenTemplate, templateNote, type TemplateRequest } from './template-record.ts';
import { ensureTemplate, templateKey } from './template.ts';

/** Where the driver gets its templates: one lease on the keeper, opened when first needed. */
export interface TemplateStore {
  /** The template, made where missing; undefined when that fails: the guest then boots. Rejects only with `cancelled`. */
  obtain(request: TemplateRequest, signal: AbortSignal): Promise<OpenTemplate | undefined>;
  /** A clone of it came up. */
  worked(template: OpenTemplate): void;
  /**
   * A clone of it did not come up. One may be the host's fault: `try again`. After the second in a row it is dropped for everyone, and
   * the next guest that asks gets a new one, once in this process.
   */
  failed(template: OpenTemplate): Promise<'try again' | 'boot'>;
}

const FAILURES = 2;

export function createTemplateStore(state: StateFolder, progress: Progress): TemplateStore {
  const bad = new Set<string>();
  const failures = new Map<string, number>();
  const replaced = new Set<string>();
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
          void lease?.then((it) => it.close()).catch(() => {});
          lease = undefined;
          progress({ doing: `no template: ${error instanceof Error ? error.message : String(error)}` });
          // There may be room again for the next guest.
          if (error instanceof RennetError && error.code === 'no-memory') return undefined;
        }
      }
      bad.add(key);
      return undefined;
    },
    worked: ({ key }) => void failures.delete(key),
    async failed({ key, madeAt }) {
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      if (count < FAILURES) return 'try again';
      failures.delete(key);
      const running = await findKeeper(state);
      try {
        const held = templateNote.safeParse((await running?.findMemory(`${key}.memory`))?.note);
        // Another job of ours has dropped it already, or a new one is there: that is not to blame.
        if (running === undefined || !held.success || held.data.madeAt !== madeAt) return 'boot';
        (replaced.has(key) ? bad : replaced).add(key);
        await removeTemplate(key, state, running);
      } catch {
        // the keeper has just ended, and the template with it
      } finally {
        running?.close();
      }
      return 'boot';
    },
  };
}
