/** Told before and after each effect, by name, so that a test can end the process or the server just there. */
export type OnPoint = (name: string) => void | Promise<void>;

export type Point = (name: string) => Promise<void>;
