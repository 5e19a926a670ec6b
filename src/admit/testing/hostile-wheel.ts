import type { Recipe } from '../../model/recipe.ts';
import type { Member } from './wheel.ts';

/** A made-up wheel that breaks one rule. */
export interface HostileWheel {
  readonly rule: string;
  /** What is tried. */
  readonly trick: string;
  /** Beside a harmless module and the dist-info, unless `bare`. */
  readonly members: readonly Member[];
  readonly bare?: true;
  readonly wheelName?: string;
  readonly recipe?: Partial<Recipe>;
  readonly sharedLibraries?: readonly string[];
}

/** A plain member, of harmless code unless told otherwise. */
export const file = (name: string, content: string | Uint8Array = 'x = 1\n', mode?: number): Member => ({
  name,
  content,
  ...(mode === undefined ? {} : { mode }),
});
export const DATA = 'curd-1.0.data';
export const INFO = 'curd-1.0.dist-info';
