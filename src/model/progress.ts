/** One step of work in progress, for people. */
export interface ProgressEvent {
  /** What is being done, e.g. `downloading ftfy-6.3.1.tar.gz`. */
  readonly doing: string;
  /** The project it is done for, where several are worked on at once. */
  readonly of?: string;
  /** Units done and in all, where that can be known. */
  readonly done?: number;
  readonly total?: number;
  readonly unit?: 'bytes' | 'files' | 'packages';
}

/** Where stages say what they do; the command line draws it. */
export type Progress = (event: ProgressEvent) => void;
