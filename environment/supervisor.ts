import { setTimeout as sleep } from 'node:timers/promises';
import { ComponentFailed, killGroup, spawnListener, type Component } from './process';
import type { ProcessRecord } from './process-record';

/** How a supervisor behaves. */
export interface SupervisorOptions {
  readonly record: ProcessRecord;
  /** Is told what happens to components. */
  readonly say: (text: string) => void;
  /** Whether a component that dies is started again. */
  readonly restarts: boolean;
}

/** Milliseconds before the first restart of a component; doubles with every one that follows soon. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** A component that ran for so long has recovered: its next restart is a first one again. */
const RECOVERED_AFTER_MS = 30_000;

interface Place {
  readonly name: string;
  readonly start: () => Promise<Component>;
  component: Component | undefined;
  /** The process that was started last, ready or not. */
  pid: number | undefined;
  /** The start under way. */
  launching: Promise<void> | undefined;
  /** The restart under way. */
  restarting: Promise<void> | undefined;
  failures: number;
}

/** Starts components, keeps them running and ends them. */
export class Supervisor {
  private readonly places = new Map<string, Place>();
  private stopping = false;

  constructor(private readonly options: SupervisorOptions) {}

  get names(): string[] {
    return [...this.places.keys()];
  }

  /**
   * Starts a component and keeps it.
   * @throws ComponentFailed when it does not come up the first time.
   */
  async start(name: string, start: () => Promise<Component>): Promise<void> {
    if (this.places.has(name)) throw new Error(`there is already a component ${name}`);
    const place: Place = {
      name,
      start,
      component: undefined,
      pid: undefined,
      launching: undefined,
      restarting: undefined,
      failures: 0,
    };
    this.places.set(name, place);
    await this.launch(place);
  }

  /** @throws ComponentFailed when there is no such component or it is not running. */
  component(name: string): Component {
    const component = this.place(name).component;
    if (!component?.running) throw new ComponentFailed(`${name} is not running`);
    return component;
  }

  /** Ends a component if it runs and starts it again. */
  async restart(name: string): Promise<void> {
    const place = this.place(name);
    await place.restarting;
    const { component } = place;
    place.component = undefined;
    await component?.stop();
    this.forget(place);
    await this.launch(place);
  }

  /** Ends a component the hard way, it alone and not what it started, and waits until it is gone. */
  async kill9(name: string): Promise<void> {
    const component = this.component(name);
    component.signal('SIGKILL');
    await component.ended;
  }

  /** Waits until a component runs that was started again by itself. */
  async running(name: string): Promise<Component> {
    await this.place(name).restarting;
    return this.component(name);
  }

  /** Whether a component runs this moment. */
  isRunning(name: string): boolean {
    return this.places.get(name)?.component?.running ?? false;
  }

  /** Starts nothing again from here on: everything is about to end. */
  settle(): void {
    this.stopping = true;
  }

  /** Ends components, those of one list side by side. */
  async stop(names: readonly string[]): Promise<void> {
    this.settle();
    await Promise.all(
      names.map(async (name) => {
        const place = this.places.get(name);
        if (!place) return;
        // One that is just coming up is not waited for.
        while (place.launching) {
          killGroup(place.pid);
          await Promise.race([place.launching.catch(() => undefined), sleep(50)]);
        }
        await place.restarting;
        await place.component?.stop();
      }),
    );
  }

  /** Ends one component for good, while the others run on. */
  async remove(name: string): Promise<void> {
    const place = this.place(name);
    const { component } = place;
    place.component = undefined;
    this.places.delete(name);
    await component?.stop();
    this.forget(place);
  }

  /** Kills every process that was started and may still run. */
  killAll(): void {
    this.stopping = true;
    for (const place of this.places.values()) killGroup(place.pid);
  }

  private place(name: string): Place {
    const place = this.places.get(name);
    if (!place) throw new ComponentFailed(`there is no component ${name}; there are: ${this.names.join(', ')}`);
    return place;
  }

  private launch(place: Place): Promise<void> {
    if (this.stopping) return Promise.reject(new ComponentFailed(`${place.name} is not started: everything is ending`));
    place.launching = this.bringUp(place).finally(() => (place.launching = undefined));
    return place.launching;
  }

  private async bringUp(place: Place): Promise<void> {
    const note = (pid: number): void => {
      place.pid = pid;
      this.options.record.add(place.name, pid);
    };
    let component: Component;
    try {
      component = await spawnListener.run(note, place.start);
    } catch (error) {
      this.forget(place);
      throw error;
    }
    const began = Date.now();
    place.component = component;
    void component.ended.then((how) => {
      if (place.component !== component) return;
      this.forget(place);
      if (this.stopping) return;
      if (Date.now() - began > RECOVERED_AFTER_MS) place.failures = 0;
      this.options.say(`${place.name} ${how}${this.options.restarts ? '; starting it again' : ''}`);
      if (this.options.restarts) this.revive(place);
    });
    if (this.stopping) await component.kill();
  }

  /** Starts a component again until it is up. */
  private revive(place: Place): void {
    const restarting = this.untilUp(place).finally(() => {
      if (place.restarting === restarting) place.restarting = undefined;
    });
    place.restarting = restarting;
  }

  private async untilUp(place: Place): Promise<void> {
    while (!this.stopping) {
      await sleep(Math.min(FIRST_PAUSE_MS * 2 ** place.failures++, LONGEST_PAUSE_MS));
      if (this.stopping) return;
      try {
        await this.launch(place);
        this.options.say(`${place.name} is up again (pid ${place.component?.pid})`);
        return;
      } catch (error) {
        this.options.say(`${place.name} does not come up: ${(error as Error).message}`);
      }
    }
  }

  private forget(place: Place): void {
    if (place.pid === undefined) return;
    this.options.record.remove(place.pid);
    place.pid = undefined;
  }
}
