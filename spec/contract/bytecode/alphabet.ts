interface Table {
  readonly starts: readonly number[];
  readonly inputs: readonly number[];
  readonly inputCount: number;
  readonly next: Uint32Array;
}

/** What is wrong with an automaton's alphabet or its table of states, or null: every number lies in its table. */
export function tableFault({ starts, inputs, inputCount, next }: Table): string | null {
  if (inputCount < 1 || starts.length !== inputs.length || starts[0] !== 0) return "has an alphabet with a hole";
  for (let i = 1; i < starts.length; i++) if (starts[i]! <= starts[i - 1]!) return "has an alphabet out of order";
  for (const input of inputs) if (input < 0 || input >= inputCount) return `reads input ${input}`;
  const states = next.length / inputCount;
  if (states < 1 || !Number.isInteger(states)) return "has no state, or half a state";
  for (const state of next) if (state >= states) return `goes to state ${state} of ${states}`;
  return null;
}
