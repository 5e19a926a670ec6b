import type { Channel, GuestLimits, GuestReport, Image, MachineDriver, MirrorDisk, ResetStrategy } from './machine.ts';
import type { Progress } from './progress.ts';

/** What a stage needs to run a guest. */
export interface GuestPorts {
  readonly driver: MachineDriver;
  readonly image: Image;
  readonly reset: ResetStrategy;
  readonly channel?: Channel | undefined;
  readonly mirror?: MirrorDisk | undefined;
  readonly limits: GuestLimits;
  /** Folder of the attempt; each guest spools into a new folder below it. */
  readonly folder: string;
  readonly progress: Progress;
  /** Called with each guest's report, whatever it says: log, timings and isolation are kept by the caller. */
  readonly onReport: (report: GuestReport) => void;
}
