import { RennetError } from '../model/errors.ts';
import type { DriverName, MachineDriver } from '../model/machine.ts';
import type { Progress } from '../model/progress.ts';
import type { StateFolder } from '../model/state.ts';
import type { AcceleratorChoice } from './qemu/accelerator.ts';
import { createNamespaceDriver } from './namespace/namespace-driver.ts';
import { createQemuDriver } from './qemu/driver.ts';
import { createTemplateStore } from './qemu/template-store.ts';

export interface DriverOptions {
  readonly state: StateFolder;
  /** `auto` when not given: KVM where it boots, else emulation, and the isolation says which. */
  readonly accelerator?: AcceleratorChoice;
  readonly progress?: Progress;
  /** How many restored guests wait for the next jobs, for each template; none when not given. */
  readonly warm?: number;
  /** Guests start without regard to what others on this host may take; else they wait for room. */
  readonly overcommit?: boolean;
}

/** Makes a driver; nothing is started or tested before the first `run`. */
export function createDriver(name: DriverName, options: DriverOptions): MachineDriver {
  const { state, progress = () => {} } = options;
  switch (name) {
    case 'qemu':
      return createQemuDriver({
        state,
        accelerator: options.accelerator ?? 'auto',
        templates: createTemplateStore(state, progress),
        warm: options.warm ?? 0,
        progress,
        overcommit: options.overcommit ?? false,
      });
    case 'namespace':
      return createNamespaceDriver();
    case 'fake':
      throw new RennetError(
        'bad-usage',
        'The fake driver runs nothing; it is for tests only.',
        'Use qemu or namespace.',
      );
  }
}
