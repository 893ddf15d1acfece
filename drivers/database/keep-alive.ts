/**
 * Milliseconds of silence after which a session asks whether its server is there. Node.js asks ten times, a second apart:
 * a network that swallows everything, and ends nothing, is noticed while an answer is waited for.
 */
export const KEEP_ALIVE_MS = 10_000;
