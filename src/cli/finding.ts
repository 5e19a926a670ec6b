/** One thing that was looked at. `bad`: no build is possible; `limited`: it works, with the limit that the sentence names. */
export interface Finding {
  readonly what: string;
  readonly state: 'good' | 'limited' | 'bad';
  readonly sentence: string;
  /** Of a layer of isolation: whether it holds. */
  readonly on?: boolean;
  /** The command that mends it. */
  readonly mend?: string;
}
