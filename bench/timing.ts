/** Median ns of one call over several batches, after a warm-up. */
export function nsPerCall(call: () => void, perBatch: number, batches = 15): number {
  for (let i = 0; i < perBatch; i++) call();
  const times: number[] = [];
  for (let batch = 0; batch < batches; batch++) {
    const began = process.hrtime.bigint();
    for (let i = 0; i < perBatch; i++) call();
    times.push(Number(process.hrtime.bigint() - began) / perBatch);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
}
