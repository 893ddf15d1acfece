/** Told where the engine is, before and after each of its effects, by name; tests end the process or the server there. */
export type OnPoint = (name: string) => void | Promise<void>;

export type Point = (name: string) => Promise<void>;
