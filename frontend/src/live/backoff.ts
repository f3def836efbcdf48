export const BASE_MS = 500;
export const CAP_MS = 15_000;

/**
 * Return how long to wait before attempt `attempt` (from 0): uniform in 0..min(CAP, BASE·2^attempt).
 *
 * Full jitter spreads the return of many clients after a restart best (M. Brooker, "Exponential backoff and jitter",
 * AWS Architecture Blog, 2015). There is no last try.
 */
export function backoff(attempt: number, random: () => number = Math.random): number {
  return random() * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempt, 30));
}
